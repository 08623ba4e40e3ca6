// Pages that are loaded anew at a bad moment, with clocks and storage that are wrong: nothing lost, twice, or out of order.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Browser, FakeStorage, Page, at, confirm, settled, waiting } from './fakes.mjs';

const T = 1_800_000_000_000;
const told = (more) => ({ ts: T, 'dedupe-count': 100, 'dedupe-age': 300_000, new: false, ...more });

describe('what waits to be sent', () => {
  test('keeps its order over a reload, though the wall clock was put back in between', async () => {
    const browser = new Browser();
    let page = browser.open();
    page.room.send('one');
    browser.clock.jump(-3_600_000);
    page.room.send('two');
    page = await browser.reload(page);
    page.room.send('three');
    await page.enter(at(0), told());
    assert.deepEqual([await confirm(page, 1), await confirm(page, 2), await confirm(page, 3)], ['one', 'two', 'three']);
  });

  test('keeps its order when the page is loaded anew before it has taken over what was left', async () => {
    const browser = new Browser();
    const first = browser.open();
    first.room.send('one');
    await settled();
    first.crash();
    const second = browser.open(first.tabStorage);
    second.crash();
    const third = browser.open(first.tabStorage);
    await settled();
    third.room.send('two');
    await third.enter(at(0), told());
    assert.deepEqual([await confirm(third, 1), await confirm(third, 2)], ['one', 'two']);
    await browser.clock.advance(60_000);
    assert.deepEqual(waiting(third), []);
  });

  test('is not sent as if for the first time by who takes it over, where that it was sent could not be noted', async () => {
    const browser = new Browser();
    const page = browser.open();
    page.room.send('one');
    await settled();
    browser.storage.full = true;
    await page.enter(at(0), told());
    assert.equal(page.socket.take('message').length, 1);
    assert.deepEqual(page.told('error').map(({ code }) => code), ['STORAGE'], 'a reload would forget it, and that is told');
    page.crash();
    browser.storage.full = false;
    // A day later the server has forgotten its id.
    const later = browser.open();
    await browser.clock.advance(10_000);
    await later.enter(at(500), told({ ts: T + 86_400_000 }));
    assert.deepEqual(later.socket.take('message'), []);
  });
});

describe('what was read', () => {
  test('does not come again after a reload, where how far it is cannot be noted any more', async () => {
    const tabStorage = new FakeStorage();
    const page = new Page({ tabStorage });
    await page.enter(at(0));
    page.message(1);
    await settled();
    tabStorage.full = true;
    for (let seq = 2; seq <= 50; seq += 1) page.message(seq);
    await page.clock.advance(1000);
    assert.equal(page.socket.take('ack').at(-1).position, at(50));
    page.socket.end();
    const again = new Page({ tabStorage });
    // Better no position than an old one: the server knows what was confirmed.
    assert.equal((await again.enter(at(50), { new: false })).since, undefined);
  });
});
