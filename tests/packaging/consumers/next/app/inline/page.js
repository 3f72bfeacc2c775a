import { Client } from "./client.js";

// Rendered on each request: the server's address comes with it.
export default async function Page({ searchParams }) {
  const { api, thread, slow } = await searchParams;
  return <Client apiUrl={api} thread={thread} {...(slow ? { tokens: 200, delay: 40 } : {})} />;
}
