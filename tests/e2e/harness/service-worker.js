// Keeps what the page was made of, and gives it where the network does not. The API is none of its business.
const KEPT = "page";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).pathname.startsWith("/api/")) return;
  event.respondWith(answer(request));
});

async function answer(request) {
  const kept = await caches.open(KEPT);
  try {
    const response = await fetch(request);
    if (response.ok) await kept.put(request, response.clone());
    return response;
  } catch {
    // The thread's id in the address makes no other page.
    return (await kept.match(request, { ignoreSearch: true })) ?? Response.error();
  }
}
