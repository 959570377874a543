import type { withPlatforms } from './campaigns.ts';

export const JOB = 'campaigns.push-conversion';
export const MINUTE_MS = 60_000;
export const CLICK = '0123456789abcdef0123456789abcdef';
export const CALL = 'RGB0001';

/** What tests of pushes ask of their house and its platforms. */
export function pushing(at: ReturnType<typeof withPlatforms>) {
  const pushes = () =>
    at.house.sql<{
      seq: number;
      state: string;
      price: number;
      share: number;
      sends: number;
      code: string | null;
    }>(
      `select seq, state, price_minor::int as price, share_minor::int as share, sends, code from conversion_pushes order by call_id, seq`,
    );
  const told = () => at.platforms.at.sent.length;
  const due = async () => (await at.house.work()).filter(({ job }) => job === JOB);
  /** Everflow does what it took, a minute later. */
  function settle() {
    at.platforms.settle();
    at.house.advance(MINUTE_MS);
  }

  /** A paid call of an offer whose push is due and has not run. */
  async function paidCall(provider: 'ringba' | 'everflow', clickId: string) {
    const road = await at.offerOf(provider, '33');
    // As the night reads it.
    await at.house.sql(`update campaigns set offer_currency = 'usd' where offer_provider = 'everflow'`);
    await at.house.call({ number: road.number, clickId });
    await at.house.work({}, [JOB]);
    const [call] = await at.house.sql<{ id: string }>('select id from calls');
    const id = call?.id ?? '';
    const row = () => at.house.row(JOB, id);
    return {
      ...{ id, road, row },
      run: async () => at.house.run(await row()),
      async takeBack() {
        await at.house.services.adjustments.ask(id, 'ops', 'fraud', at.house.clock.nowMs());
        await at.house.work({}, [JOB]);
      },
    };
  }
  return { pushes, told, due, settle, paidCall };
}
