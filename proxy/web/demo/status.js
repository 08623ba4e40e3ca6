// What became of the connection, and of one's place in the room, in words.
import { $, clock } from './nodes.js';

const WHY = {
  OFFLINE: 'Your device has no network.',
  SILENT: 'The server does not answer.',
  REFUSED: 'The server did not let you in yet.',
  AGAIN: 'The room is read anew.',
  UNAVAILABLE: 'The server cannot keep messages at this moment.',
};

export function showState(state, reason) {
  $('state').textContent = state;
  $('state').dataset.state = $('chat').dataset.state = state;
  if (state === 'online' || state === 'closed') $('banner').hidden = true;
  // Not at the very first connecting, which takes no time.
  if (state === 'offline') $('banner').hidden = false;
  const why = WHY[reason?.code] ?? 'There is no connection.';
  $('hint').textContent = state === 'connecting'
    ? 'Connecting again …'
    : `${why} What you write waits here, and is sent when you are back.`;
}

/** Ended by the server, which may say why, and until when. */
export function kicked({ reason, until }, isGuest) {
  const keeps = isGuest ? '' : ' You are still a member: what is said meanwhile waits for you.';
  if (until) {
    const when = clock(new Date(until));
    return {
      title: `You are banned until ${when}`,
      reason,
      words: `A ban keeps you out of the room until it is over, however often you try.${keeps}`,
    };
  }
  // A ban for good looks the same from here.
  return {
    title: 'Your visit was ended',
    reason,
    words: `Whether you may come back was not said: “Come back” tries it.${keeps}`,
  };
}

export function loggedOut({ reason }) {
  return {
    title: 'You are no longer a member of this room',
    reason,
    words: 'Nothing waits for you any more. You may come back as a new member.',
  };
}

/** An end that nothing else explained. */
export function closed(reason) {
  if (reason.code === 'BANNED') {
    return {
      title: 'You are banned from this room',
      reason: reason.message,
      words: 'A ban keeps you out until it is over or taken back. If you were a member, you still are: what is said waits for you.',
    };
  }
  return { title: 'You are not in the room any more', reason: reason.message, words: '' };
}

/** In place of what one would write in. */
export function showEnd({ title, reason, words }) {
  const hadFocus = $('compose').contains(document.activeElement);
  $('compose').hidden = true;
  $('end-title').textContent = title;
  $('end-reason').textContent = reason ? `“${reason}”` : '';
  $('end-words').textContent = words;
  $('end').hidden = false;
  if (hadFocus) $('back').focus();
}
