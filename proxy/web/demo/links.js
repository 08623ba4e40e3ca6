// Addresses in what people write, as links. Everything else stays text, and nothing is ever read as HTML.
import { element } from './nodes.js';

const ADDRESS = /https?:\/\/[^\s<>"]+/gi;

/** The pieces of a text: strings, and links where it has addresses. */
export function linked(text) {
  const pieces = [];
  let end = 0;
  for (const { 0: found, index } of text.matchAll(ADDRESS)) {
    const address = withoutTail(found);
    if (!URL.canParse(address)) continue;
    pieces.push(text.slice(end, index), link(address));
    end = index + address.length;
  }
  return [...pieces, text.slice(end)].filter((piece) => piece !== '');
}

/** A stop or a closing bracket behind an address mostly belongs to the sentence. */
function withoutTail(address) {
  const short = address.replace(/[.,:;!?'*_~]+$/, '');
  const isOpen = short.includes('(');
  return short.endsWith(')') && !isOpen ? withoutTail(short.slice(0, -1)) : short;
}

function link(address) {
  const node = element('a', '', address);
  node.href = address;
  node.target = '_blank';
  // The other page learns nothing of this one.
  node.rel = 'noopener noreferrer nofollow ugc';
  return node;
}
