/** What goes wrong with requests, on demand. */
export interface LogFault {
  /** `status` answers with it, `cut` closes the socket, `truncated` sends half of the page, `html` a page for people. */
  readonly kind: 'status' | 'cut' | 'truncated' | 'html';
  readonly status?: number;
  /** Of a `status`. */
  readonly retryAfterS?: number;
  /** How many requests are let through first; default none. */
  readonly skip?: number;
  /** How many requests it strikes; default one. */
  readonly count?: number;
}

export interface LogFaults {
  add(fault: LogFault): void;
  clear(): void;
  /** The fault that strikes this request, used up by it. */
  take(): LogFault | null;
}

export function createLogFaults(): LogFaults {
  let faults: { fault: LogFault; skip: number; count: number }[] = [];
  return {
    add(fault) {
      faults.push({ fault, skip: fault.skip ?? 0, count: fault.count ?? 1 });
    },
    clear() {
      faults = [];
    },
    take() {
      const next = faults.find((one) => one.skip-- <= 0);
      if (next === undefined) return null;
      next.count -= 1;
      if (next.count === 0) faults = faults.filter((one) => one !== next);
      return next.fault;
    },
  };
}
