// Bad input: each is an error with a stable code, said in words, and nothing received is lost.
import assert from "node:assert/strict";
import { BLANK } from "./harness/proxy.mjs";
import { suite } from "./harness/session.mjs";
import { word, words } from "./harness/text.mjs";

// What the proxy sends in the server's place is the same whichever server is behind it.
const scenario = suite({ on: ["rejoin"], apps: ["leptos", "react19"] });
const RUN = { n_tokens: 60, delay_ms: 8 };
const ANSWER = words(60);
/** Few attempts, so that giving up comes soon. */
const IMPATIENT = { ...RUN, attempts_max: 2 };

const IN_STREAM = [
  ["malformed SSE: a field nobody knows and a comment", "bogus\n: comment\nnoise: 1\n\n", undefined],
  ["malformed SSE: bytes that are not UTF-8", Buffer.from([0x64, 0x61, 0x74, 0x61, 0x3a, 0xff, 0xfe, 0x0a, 0x0a]), "sse_invalid_utf8"],
  ["invalid JSON in a messages event", 'event: messages\ndata: [{"content": "x"\n\n', "event_data_invalid"],
  ["invalid JSON in a values event", "event: values\ndata: {nope}\n\n", "event_data_invalid"],
  ["a messages event of the wrong shape", "event: messages\ndata: 42\n\n", "event_data_invalid"],
];

for (const [name, body, code] of IN_STREAM) {
  scenario(`${name}: ${code ?? "ignored"}`, async (session) => {
    session.proxy.fault("stream", { kind: "inject", afterBytes: 8000, body });
    const app = await session.open(RUN);
    await app.send();
    if (code) await app.notice(code);
    await app.state("finished");
    await app.same(ANSWER);
    await app.healthy();
  });
}

scenario("a frame over the limit: sse_frame_too_large or sse_line_too_long, and the rest is fetched", async (session) => {
  const huge = `event: custom\ndata: "${"x".repeat(40 * 1024 * 1024)}"\n\n`;
  session.proxy.fault("stream", { kind: "inject", afterBytes: 8000, body: huge });
  const app = await session.open(RUN);
  await app.send();
  const banner = app.page.locator('[data-code="sse_frame_too_large"], [data-code="sse_line_too_long"]').first();
  await banner.waitFor();
  assert.ok((await banner.innerText()).length > 10);
  await app.state("finished");
  await app.same(ANSWER);
});

const REFUSED = [
  [400, "bad_request"], [401, "unauthorized"], [403, "forbidden"], [404, "not_found"], [409, "conflict"],
  [422, "unprocessable"], [500, "server_error"], [502, "bad_gateway"],
];

for (const [status, code] of REFUSED) {
  scenario(`${status} on the question: ${code}`, async (session) => {
    session.proxy.fault("stream", { kind: "status", status, body: JSON.stringify({ detail: `because ${status}` }) }, 50);
    const app = await session.open(IMPATIENT);
    await app.send("a question worth keeping");
    assert.match(await app.error(code), new RegExp(`because ${status}|${status}`));
    await app.state("failed");
    // Nothing typed is lost: it is in the conversation, or back in the composer.
    const kept = (await app.at("messages").innerText()) + (await app.at("composer").inputValue());
    assert.match(kept, /a question worth keeping/);
    session.proxy.clearFaults();
    await app.at("retry").click();
    await app.state("finished");
    assert.equal(await app.answer(), ANSWER);
    await app.healthy();
  });
}

scenario("429: too_many_requests, and Retry-After is honoured", async (session) => {
  session.proxy.fault("stream", { kind: "status", status: 429, headers: { "retry-after": "1" } });
  const app = await session.open(RUN);
  await app.send();
  await app.settled(ANSWER);
  const [refused, accepted] = session.proxy.calls.filter((call) => call.path.endsWith("/runs/stream"));
  const waitedMs = accepted.at - refused.at;
  assert.ok(waitedMs >= 1000, `the second attempt came after ${waitedMs} ms`);
  assert.ok(waitedMs < 5000, `the second attempt came only after ${waitedMs} ms`);
});

scenario("200 text/html instead of a stream: not_an_event_stream", async (session) => {
  session.proxy.fault("stream", { kind: "html" }, 50);
  const app = await session.open(IMPATIENT);
  await app.send();
  await app.error("not_an_event_stream");
  await app.state("failed");
  await app.healthy();
});

scenario("200 text/html on a rejoin keeps what was received", async (session) => {
  session.proxy.fault("stream", { kind: "cut", afterBytes: 8000 });
  session.proxy.fault("join", { kind: "html" }, 2);
  const app = await session.open(RUN);
  await app.send();
  await app.state("finished", "failed");
  const answer = await app.answer();
  assert.ok(ANSWER.startsWith(answer) && answer.includes(word(2)), `shown: ${answer}`);
  await app.healthy();
});

scenario("unreachable host: unreachable", async (session) => {
  const app = await session.open({ ...IMPATIENT, server: "http://127.0.0.1:9" });
  await app.send("a question worth keeping");
  await app.error("unreachable");
  const kept = (await app.at("messages").innerText()) + (await app.at("composer").inputValue());
  assert.match(kept, /a question worth keeping/);
  await app.healthy();
});

scenario("wrong URL, a server that is no Agent Server: a code and a hint to check the URL", async (session) => {
  const app = await session.open({ ...IMPATIENT, server: `${session.proxy.origin}/nowhere` });
  await app.send();
  const banner = app.at("error").first();
  await banner.waitFor();
  assert.ok(["not_found", "not_an_event_stream", "body_invalid"].includes(await banner.getAttribute("data-code")), await app.errorText());
  assert.match(await banner.innerText(), /URL/);
});

scenario("wrong URL, no URL at all: invalid_request or unreachable", async (session) => {
  const app = await session.open({ ...IMPATIENT, server: "http://[nonsense" });
  await app.send();
  const banner = app.at("error").first();
  await banner.waitFor();
  assert.ok(["invalid_request", "unreachable"].includes(await banner.getAttribute("data-code")), await app.errorText());
});

scenario("storage full: storage_full, and the run goes on", async (session) => {
  const app = await session.tab();
  await app.page.addInitScript(() => {
    // Really full: what is left of the quota is filled up, down to the last character.
    for (let size = 1 << 22; size >= 1; size = Math.floor(size / 2)) {
      try {
        for (let part = 0; ; part += 1) localStorage.setItem(`filler-${size}-${part}`, "x".repeat(size));
      } catch {
        // Full at this size: try a smaller piece.
      }
    }
  });
  await app.open(RUN);
  await app.send();
  await app.notice("storage_full");
  await app.state("finished");
  await app.same(ANSWER);
  await app.healthy();
});

scenario("storage disabled: storage_denied, and the run goes on", async (session) => {
  const app = await session.tab();
  await app.page.addInitScript(() => {
    // What Chromium does when site data is blocked.
    const denied = () => { throw new DOMException("Access is denied for this document.", "SecurityError"); };
    Object.defineProperty(window, "localStorage", { get: denied, configurable: true });
    Object.defineProperty(window, "sessionStorage", { get: denied, configurable: true });
  });
  await app.open(RUN);
  await app.send();
  await app.notice("storage_denied");
  await app.state("finished");
  await app.same(ANSWER);
  await app.healthy();
});

for (const [name, spoil] of [
  ["not JSON", "'{'"], ["another shape", "'[1,2,3]'"], ["a version nobody knows", "JSON.stringify({ v: 999, version: 999 })"],
  ["megabytes of noise", "'x'.repeat(1 << 20)"], ["cut in half", "value.slice(0, value.length / 2)"],
]) {
  scenario(`a corrupted stored record (${name}): record_corrupt, removed, and the run is found all the same`, async (session) => {
    // It still runs when the page is back, on a busy machine too.
    const app = await session.open({ n_tokens: 120, delay_ms: 60 });
    await app.send();
    await app.shows(word(10));
    await app.threadKnown();
    const url = app.page.url();
    await app.page.goto(session.proxy.origin + BLANK);
    const spoilt = await app.page.evaluate((expression) => {
      const keys = Object.keys(localStorage).filter((key) => key.startsWith("rejoin:") && localStorage[key].includes("run_id"));
      const change = new Function("value", `return ${expression}`);
      for (const key of keys) localStorage[key] = change(localStorage[key]);
      return keys.length;
    }, spoil);
    assert.ok(spoilt > 0, "there was a record to spoil");
    await app.goto(url);
    await app.notice("record_corrupt");
    await app.state("finished");
    await app.same(words(120));
    await app.forgotten();
    await app.healthy();
  });
}
