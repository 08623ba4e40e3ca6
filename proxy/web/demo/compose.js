// Where one writes: Enter sends, Shift and Enter begin another line.
import { $ } from './nodes.js';

/** `send` is given a text, and says whether it was taken; `writing` is told of each change. */
export function prepareCompose({ send, writing }) {
  const text = $('text');
  const grow = () => {
    text.style.height = 'auto';
    text.style.height = `${text.scrollHeight + text.offsetHeight - text.clientHeight}px`;
  };
  text.addEventListener('input', () => {
    grow();
    if (text.value) writing();
  });
  text.addEventListener('keydown', (event) => {
    // While letters are composed, Enter chooses among them.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    $('compose').requestSubmit();
  });
  $('compose').addEventListener('submit', (event) => {
    event.preventDefault();
    const content = text.value.trim();
    if (content && send(content)) text.value = '';
    grow();
  });
}
