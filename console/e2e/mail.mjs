// A mail server of the tests: takes every mail, and gives it to who waits for one.
import { createServer } from "node:net";

const WAIT_MILLIS = 20_000;

export class MailServer {
  #mails = [];
  #waiting = [];

  static async start() {
    const server = new MailServer();
    server.listening = createServer((socket) => server.#talk(socket));
    await new Promise((resolve) => server.listening.listen(0, "127.0.0.1", resolve));
    server.url = `smtp://127.0.0.1:${server.listening.address().port}`;
    return server;
  }

  stop() {
    return new Promise((resolve) => this.listening.close(resolve));
  }

  #talk(socket) {
    let text = "";
    let inData = false;
    const say = (line) => socket.write(`${line}\r\n`);
    socket.on("error", () => undefined);
    say("220 tests ESMTP");
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
      for (;;) {
        const end = text.indexOf(inData ? "\r\n.\r\n" : "\r\n");
        if (end < 0) return;
        const part = text.slice(0, end);
        text = text.slice(end + (inData ? 5 : 2));
        if (inData) {
          inData = false;
          this.#keep(part);
          say("250 taken");
        } else if (/^DATA/i.test(part)) {
          inData = true;
          say("354 go on");
        } else if (/^QUIT/i.test(part)) {
          say("221 bye");
          socket.end();
        } else say("250 ok");
      }
    });
  }

  #keep(raw) {
    // Quoted-printable, where a mail is sent so.
    const mail = raw.replace(/=\r\n/g, "").replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
    const waiting = this.#waiting.shift();
    if (waiting) waiting(mail);
    else this.#mails.push(mail);
  }

  /** The next mail that nobody has taken yet. */
  async next() {
    const there = this.#mails.shift();
    if (there !== undefined) return there;
    let timer;
    const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("no mail came")), WAIT_MILLIS)));
    return Promise.race([new Promise((resolve) => this.#waiting.push(resolve)), late]).finally(() => clearTimeout(timer));
  }
}

/** A port that was free a moment ago. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
