// Where a page has no locks, no channels, no storage and no database, as in a sandboxed frame: it works alone, and says so once at most.
import assert from "node:assert/strict";
import { BLANK } from "./harness/proxy.mjs";
import { suite } from "./harness/session.mjs";
import { words } from "./harness/text.mjs";
import { until } from "./harness/until.mjs";

const scenario = suite({ on: ["rejoin"], apps: ["leptos", "react19"] });

scenario("in a sandboxed frame, whose origin is opaque, a question is asked and answered, with one warning at most", async (session) => {
  session.proxy.framed = true;
  const app = await session.tab();
  await app.page.goto(`${session.proxy.origin}${BLANK}`);
  await app.page.evaluate((src) => {
    const frame = document.createElement("iframe");
    frame.setAttribute("sandbox", "allow-scripts allow-forms");
    frame.src = src;
    frame.width = 900;
    frame.height = 600;
    document.body.append(frame);
  }, "/?plain=1&assistant=chat&share=headers&n_tokens=40&delay_ms=20");
  const frame = app.page.frameLocator("iframe");
  await frame.getByTestId("composer").fill("hello");
  await frame.getByTestId("send").click();
  const shown = async () => (await frame.getByTestId("message").allInnerTexts()).join("\n");
  await until("the whole answer", async () => (await shown()).includes(words(40).trim()));
  await frame.locator('[data-testid="connection"][data-state="finished"]').first().waitFor({ state: "attached" });
  const codes = await frame.getByTestId("notice").evaluateAll((all) => all.map(({ dataset }) => dataset.code));
  assert.ok(codes.length <= 1, `warnings: ${codes}`);
  assert.equal(await frame.getByTestId("error").count(), 0);
  assert.equal(session.proxy.count("stream"), 1);
  await app.healthy();
});
