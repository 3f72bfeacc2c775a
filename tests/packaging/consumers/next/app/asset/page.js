import { Client } from "./client.js";

// Rendered on each request: the server's address comes with it.
export default async function Page({ searchParams }) {
  return <Client apiUrl={(await searchParams).api} />;
}
