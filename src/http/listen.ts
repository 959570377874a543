import { type AppParts, createApp } from './app.ts';

export interface Listener {
  readonly url: string;
  /** Takes no new connections, lets answers under way go out, and cuts what is left at the deadline. */
  close(deadlineMs: number): Promise<void>;
}

/** Listens with the given parts. Port 0 takes a free one. Rejects when the address is taken. */
export async function listen(
  { host, port }: { host: string; port: number },
  parts: AppParts,
): Promise<Listener> {
  const app = await createApp(parts);
  const url = await app.listen({ host, port });
  return {
    url,
    async close(deadlineMs) {
      const cut = setTimeout(() => app.server.closeAllConnections(), deadlineMs);
      await app.close().finally(() => clearTimeout(cut));
    },
  };
}
