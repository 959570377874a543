import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import { creditNotesOver, HOUR_MS } from '../helpers/credit-notes.ts';
import { type House, Killed, keepServer, openHouse } from '../helpers/house.ts';
import { dieAtEachStep } from '../helpers/killing.ts';

keepServer();
let house: House;
beforeEach(async () => {
  house = await openHouse();
});
afterEach(() => house.end());

const { expectRight, states, notes, notesAtStripe, openInvoice, planNote } = creditNotesOver(() => house);

describe('a credit note is made once', () => {
  test('killed before and after each step, and run again', async () => {
    const { ids } = await openInvoice(2);
    const item = await planNote(ids[0] ?? '');
    const steps = await dieAtEachStep(house, item);
    expect(steps).toEqual(expect.arrayContaining(['stripeInvoices.credit', 'billing.recordCreditNote']));
    await house.work();
    expect(notesAtStripe()).toEqual([4_000]);
    expect(await states()).toEqual(['clawed_back', 'billed']);
    await expectRight();
  });

  test.each(['error', 'cut'] as const)('when Stripe fails before and after it was made (%s)', async (how) => {
    const { ids } = await openInvoice(3);
    for (const [nth, when] of (['before', 'after'] as const).entries()) {
      await planNote(ids[nth] ?? '');
      const fault = { method: 'POST', pathPrefix: '/v1/credit_notes', count: 1 } as const;
      house.simulator.faults.add({ kind: `${how}-${when}-commit`, ...fault });
      await house.work();
      // Without an answer it waits; the next run looks first.
      await house.work();
      expect(notesAtStripe()).toHaveLength(nth + 1);
    }
    expect(await states()).toEqual(['clawed_back', 'clawed_back', 'billed']);
    await expectRight();
  });

  test('that died before it was recorded, also when Stripe has forgotten the key', async () => {
    const { ids } = await openInvoice(2);
    const item = await planNote(ids[0] ?? '');
    const recordCreditNote = async () => {
      throw new Killed('before it was recorded');
    };
    const billing = { ...house.services.billing, recordCreditNote };
    expect(await house.run(item, { billing })).toMatchObject({ end: 'killed' });
    expect(notesAtStripe()).toEqual([4_000]);
    house.advance(25 * HOUR_MS);
    house.simulator.faults.pruneKeys();
    await house.work();
    expect(notesAtStripe()).toEqual([4_000]);
    expect(await notes()).toEqual([{ state: 'issued', problem: null }]);
    await expectRight();
  });

  test('and a late writer changes nothing', async () => {
    const { ids } = await openInvoice(2);
    const { key } = await planNote(ids[0] ?? '');
    const { billing } = house.services;
    const claimed = await billing.claim(key, house.clock.nowMs());
    await billing.claim(key, house.clock.nowMs());
    if (claimed.kind !== 'claimed') throw new Error('not claimed');
    const [note] = claimed.creditNotes;
    const refused = await billing
      .recordCreditNote(note?.creditNoteId ?? '', claimed.token, { problem: 'late' }, house.clock.nowMs())
      .catch((error: unknown) => codeOf(error, 'INTERNAL'));
    expect(refused).toBe('TOKEN_STALE');
    expect(await notes()).toEqual([{ state: 'planned', problem: null }]);
  });
});
