// The network between a browser and what it talks to, with a switch: connections are forwarded, refused, or accepted and never answered.
import { once } from "node:events";
import { connect, createServer } from "node:net";

/** Ports that no system hands out by itself: nobody else may take ours while it is closed. */
const PORTS = { first: 20_000, count: 10_000 };

/** Starts forwarding to a port on 127.0.0.1. */
export async function startTunnel(port) {
  const tunnel = new Tunnel(port);
  for (;;) {
    try {
      await tunnel.listen(PORTS.first + Math.floor(Math.random() * PORTS.count));
      return tunnel;
    } catch (error) {
      if (error.code !== "EADDRINUSE") throw error;
    }
  }
}

class Tunnel {
  #target;
  #port;
  #server;
  #sockets = new Set();
  #isSilent = false;

  constructor(target) {
    this.#target = target;
  }

  get origin() {
    return `http://127.0.0.1:${this.#port}`;
  }

  async listen(port) {
    this.#server = createServer((socket) => this.#accept(socket)).listen(port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = port;
  }

  /** The network is lost. What was open gets no byte until it is back; what is opened meanwhile never does. */
  enter(kind) {
    if (kind === "refused") {
      this.#server.close();
      for (const socket of this.#sockets) socket.resetAndDestroy();
    } else if (kind === "silent") {
      this.#isSilent = true;
      for (const { upstream } of this.#sockets) upstream?.destroy();
    } else {
      throw new Error(`no such tunnel: ${kind}`);
    }
  }

  /** The network is back, for new connections. Of the old ones the other end is gone, which it says. */
  async leave() {
    this.#isSilent = false;
    for (const socket of this.#sockets) if (socket.upstream) socket.resetAndDestroy();
    if (!this.#server.listening) await this.listen(this.#port);
  }

  close() {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket) {
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      socket.upstream?.destroy();
    });
    socket.on("error", () => socket.destroy());
    // What is sent into a silent tunnel is read, so that its sender's going away is seen.
    if (this.#isSilent) return void socket.resume();
    const upstream = connect(this.#target, "127.0.0.1");
    socket.upstream = upstream;
    upstream.on("error", () => socket.destroy());
    upstream.on("data", (bytes) => socket.write(bytes));
    upstream.once("end", () => socket.end());
    socket.on("data", (bytes) => upstream.write(bytes));
  }
}
