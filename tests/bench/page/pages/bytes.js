// The floor: the bytes are read and thrown away.
const { bench } = window;
const { apiUrl, thread, before } = bench.config;

const drain = async (response) => {
  const reader = response.body.getReader();
  while (!(await reader.read()).done);
};

bench.mount = async () => {
  if (before === 0) return;
  await drain(await fetch(`${apiUrl}/threads/${thread}/state`));
  bench.shownAt = performance.now();
};
bench.send = async () => {
  bench.busy = true;
  const response = await fetch(`${apiUrl}/threads/${thread ?? crypto.randomUUID()}/runs/stream`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      assistant_id: "chat", input: { messages: [{ type: "human", content: "hello" }] }, stream_mode: ["messages-tuple", "values"], stream_resumable: true,
      on_disconnect: "continue", if_not_exists: "create",
    }),
  });
  await drain(response);
  bench.wholeAt = performance.now();
  bench.busy = false;
};
