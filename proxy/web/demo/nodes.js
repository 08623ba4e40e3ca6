// Small things to build a page of. All text of others goes through textContent.

export const $ = (id) => document.getElementById(id);

export function element(tag, className = '', content = '') {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (content) node.textContent = content;
  return node;
}

/** What people write may run from right to left. */
export function said(tag, className, content) {
  const node = element(tag, className, content);
  node.dir = 'auto';
  return node;
}

export function button(label, run) {
  const node = element('button', 'small', label);
  node.type = 'button';
  node.addEventListener('click', run);
  return node;
}

export function clock(date) {
  const time = { hour: '2-digit', minute: '2-digit' };
  const day = date.toDateString() === new Date().toDateString() ? {} : { day: 'numeric', month: 'short' };
  return date.toLocaleString([], { ...day, ...time });
}

export function plural(n, what) {
  return `${n.toLocaleString()} ${what}${n === 1 ? '' : 's'}`;
}
