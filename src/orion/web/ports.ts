import type { ModelPorts } from "#orion/model/model.ts";

/** The browser's clocks, timers and socket for the model. */
export function browserPorts(): ModelPorts {
  return {
    monotonicMs: () => performance.now(),
    wallMs: () => Date.now(),
    random: () => Math.random(),
    after(delayMs, callback) {
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    },
    connect({ open, message, closed }) {
      const url = new URL("/ws", location.href);
      url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
      const socket = new WebSocket(url, "qiki.orion.1");
      socket.onopen = open;
      socket.onmessage = (event: MessageEvent<string>) => message(event.data);
      socket.onclose = (event) => closed(event.code);
      return {
        send: (text) => {
          if (socket.readyState === WebSocket.OPEN) socket.send(text);
        },
        close: () => socket.close(),
      };
    },
  };
}
