// Stands in for `fetch`. A call waits until the test answers it, or is answered at once by a standing answer.
(() => {
  const real = self.fetch;
  const fake = { calls: [], answers: [], throwing: null };
  const abortError = () => new DOMException("The operation was aborted.", "AbortError");
  self.fetch = (request) => {
    if (fake.throwing) {
      const thrown = fake.throwing.shift();
      if (fake.throwing.length === 0) fake.throwing = null;
      throw thrown.value;
    }
    const call = {
      line: `${request.method} ${new URL(request.url).pathname}${new URL(request.url).search}`,
      headers: Object.fromEntries(request.headers),
      credentials: request.credentials,
      cache: request.cache,
      aborted: false,
      cancelled: false,
      taken: false,
      text: null,
    };
    request.clone().text().then((text) => { call.text = text; }, () => {});
    const answered = new Promise((resolve, reject) => {
      call.resolve = resolve;
      call.reject = reject;
    });
    request.signal.addEventListener("abort", () => {
      call.aborted = true;
      call.reject(abortError());
    });
    call.stream = (status, headers) => {
      const body = new ReadableStream({
        start(controller) { call.body = controller; },
        cancel() { call.cancelled = true; },
      });
      call.resolve(new Response(body, { status, headers }));
    };
    fake.calls.push(call);
    const standing = fake.answers.find((answer) => call.line.includes(answer.match));
    if (standing) {
      call.taken = true;
      call.resolve(new Response(standing.body, { status: standing.status, headers: { "content-type": "application/json" } }));
    }
    return answered;
  };
  fake.take = (match) => {
    const call = fake.calls.find((call) => !call.taken && call.line.includes(match));
    if (call) call.taken = true;
    return call;
  };
  fake.restore = () => { self.fetch = real; };
  return fake;
})()
