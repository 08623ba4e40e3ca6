// Reading older messages: one question at a time, asked again after a reconnect.
import { coded } from './errors.js';
import { seqOf } from './progress.js';
import type { Message, Page } from './types.js';
import type { Wire } from './wire.js';

interface Question {
  until?: string;
  limit?: number;
  done(page: Page): void;
  fail(error: Error): void;
}

export class Pages {
  /** Where this page of the browser began: what is behind it comes by `message`. */
  #begin: string | null = null;
  /** Where the page before the one that was read last ends. */
  #next: string | null = null;
  #questions: Question[] = [];
  #isOpen = false;
  #ask: (event: Wire) => boolean;

  constructor(ask: (event: Wire) => boolean) { this.#ask = ask; }

  begins(position: string): void { this.#begin ??= position; }

  /** Behind `position` the room's history is another one. */
  resets(position: string): void {
    if (seqOf(this.#begin) <= seqOf(position)) return;
    this.#begin = position;
    this.#next = null;
  }

  read(which: { until?: string; limit?: number }): Promise<Page> {
    return new Promise((done, fail) => {
      this.#questions.push({ ...which, done, fail });
      this.askNext();
    });
  }

  askNext(): void {
    const [question] = this.#questions;
    if (!question || this.#isOpen) return;
    const until = question.until ?? this.#next ?? this.#begin ?? undefined;
    this.#isOpen = this.#ask({ event: 'history', until, limit: question.limit });
  }

  disconnected(): void { this.#isOpen = false; }

  answered(event: Wire): void {
    const question = this.#settled();
    if (!question) return;
    const begin = this.#begin ? seqOf(this.#begin) : Infinity;
    const messages = (event.messages as Message[]).filter(({ seq }) => seq <= begin);
    if (question.until === undefined) this.#next = event.after;
    question.done({ messages, after: event.after, more: event.more, gone: event.gone });
    this.askNext();
  }

  refused(code: string, message: string): void {
    // What was read is of another history: the next page is the one before where the server says that this login began.
    if (code === 'BADPOS') this.#next = this.#begin = null;
    this.#settled()?.fail(coded(code, message));
    this.askNext();
  }

  stop(error: Error): void {
    for (const question of this.#questions) question.fail(error);
    this.#questions = [];
  }

  #settled(): Question | undefined {
    this.#isOpen = false;
    return this.#questions.shift();
  }
}
