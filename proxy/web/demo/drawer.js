// Where the people are shown: on a phone they come over the messages; on a desk they stand beside, unless they are not wanted.
import { $ } from './nodes.js';

const phone = matchMedia('(max-width: 44rem)');

function open(isOpen) {
  $('chat').classList.remove('people-over', 'alone');
  if (phone.matches === isOpen) $('chat').classList.add(isOpen ? 'people-over' : 'alone');
  $('people-button').setAttribute('aria-expanded', String(isOpen));
}

const isOpen = () => $('people-button').getAttribute('aria-expanded') === 'true';
const isOver = () => phone.matches && isOpen();

export function prepareDrawer() {
  phone.addEventListener('change', () => open(!phone.matches));
  open(!phone.matches);
  $('people-button').addEventListener('click', () => open(!isOpen()));
  document.addEventListener('click', (event) => {
    if (isOver() && !event.target.closest('#people, #people-button')) open(false);
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !isOver()) return;
    open(false);
    $('people-button').focus();
  });
}
