/** What the link needs of the world; a test drives all of it. */
export interface LinkPorts {
  readonly monotonicMs: () => number;
  /** Calls once after the delay; the returned call cancels. */
  readonly after: (delayMs: number, callback: () => void) => () => void;
  /** A number in [0, 1), for the jitter of reconnecting. */
  readonly random: () => number;
  /** Opens the stream; the callbacks are the socket's. */
  readonly connect: (handlers: {
    readonly open: () => void;
    readonly message: (text: string) => void;
    readonly closed: (code: number) => void;
  }) => Connection;
}

export interface Connection {
  send(text: string): void;
  close(): void;
}

export type LinkState =
  | { readonly kind: "connecting" | "ok" | "slow" }
  /** With `needsToken` nothing is tried until somebody has signed in. */
  | {
      readonly kind: "lost";
      readonly retryInMs: number;
      readonly needsToken?: true;
      /** The gateway does not have what was asked for; nothing is tried again. */
      readonly isGone?: true;
    };

/** Keeps one connection to the gateway open, and opens another when it breaks or falls silent (console §2.3). */
export interface Link {
  state(): LinkState;
  send(message: unknown): void;
  open(): void;
  /** Opens a new connection in place of this one, at once; for the operator nothing is lost by it. */
  reopen(): void;
  /** Does not wait for the next attempt when the link is lost. */
  retryNow(): void;
  /** Gives a silent connection up. To be called every now and then. */
  check(): void;
  close(): void;
}

const SLOW_MS = 2500;
const LOST_MS = 5000;
const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 5000;
const JITTER = 0.2;
/** The gateway lets in by token, and there is none that holds. */
const UNAUTHENTICATED = 4401;
const NOT_FOUND = 4404;

export interface LinkHandlers {
  /** What is said first on every connection. */
  readonly greeting: () => unknown;
  readonly message: (text: string) => void;
  /** The link was lost. */
  readonly lost: () => void;
}

export function createLink(ports: LinkPorts, handlers: LinkHandlers): Link {
  let connection: Connection | undefined;
  /** Greeted: before that nothing else may be said. */
  let isOpen = false;
  /** Grows with every connection: what an earlier one still says does not count. */
  let generation = 0;
  let openedMs = 0;
  let lastFrameMs: number | undefined;
  let isLost = false;
  let needsToken = false;
  let isGone = false;
  let retryMs = RETRY_FIRST_MS;
  let retryAtMs = 0;
  let cancelRetry: (() => void) | undefined;

  function open(): void {
    needsToken = false;
    cancelRetry?.();
    cancelRetry = undefined;
    generation += 1;
    const own = generation;
    const isCurrent = (): boolean => own === generation;
    openedMs = ports.monotonicMs();
    connection = ports.connect({
      open() {
        if (!isCurrent()) return;
        isOpen = true;
        send(handlers.greeting());
      },
      message(text) {
        if (!isCurrent()) return;
        lastFrameMs = ports.monotonicMs();
        isLost = false;
        retryMs = RETRY_FIRST_MS;
        handlers.message(text);
      },
      closed(code) {
        if (!isCurrent()) return;
        if (code === UNAUTHENTICATED) shutOut();
        else if (code === NOT_FOUND) giveUp();
        else lose();
      },
    });
  }

  function leave(): void {
    generation += 1;
    isOpen = false;
    const left = connection;
    connection = undefined;
    left?.close();
  }

  function lose(): void {
    leave();
    isLost = true;
    const delayMs = retryMs * (1 - JITTER + 2 * JITTER * ports.random());
    retryMs = Math.min(RETRY_MAX_MS, retryMs * 2);
    retryAtMs = ports.monotonicMs() + delayMs;
    cancelRetry = ports.after(delayMs, open);
    handlers.lost();
  }

  function shutOut(): void {
    leave();
    isLost = true;
    needsToken = true;
    handlers.lost();
  }

  function giveUp(): void {
    leave();
    isLost = true;
    isGone = true;
    handlers.lost();
  }

  function send(message: unknown): void {
    if (isOpen) connection?.send(JSON.stringify(message));
  }

  return {
    state() {
      const nowMs = ports.monotonicMs();
      if (isGone) return { kind: "lost", retryInMs: 0, isGone };
      if (needsToken) return { kind: "lost", retryInMs: 0, needsToken };
      if (isLost) return { kind: "lost", retryInMs: connection === undefined ? Math.max(0, retryAtMs - nowMs) : 0 };
      if (lastFrameMs === undefined) return { kind: "connecting" };
      const quietMs = nowMs - lastFrameMs;
      if (quietMs > LOST_MS) return { kind: "lost", retryInMs: 0 };
      return { kind: quietMs < SLOW_MS ? "ok" : "slow" };
    },
    send,
    open,
    reopen() {
      leave();
      open();
    },
    retryNow() {
      if (isLost && connection === undefined && !needsToken) open();
    },
    check() {
      if (connection !== undefined && ports.monotonicMs() - Math.max(openedMs, lastFrameMs ?? openedMs) > LOST_MS) lose();
    },
    close() {
      cancelRetry?.();
      leave();
    },
  };
}
