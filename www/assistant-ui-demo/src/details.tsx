/** An object's fields line by line; anything else is one line. */
export function Details({ value, except }: { value: unknown; except?: string }) {
  const fields = typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [["value", value] as const];
  const lines = fields.filter(([name, field]) => name !== except && field !== undefined && field !== null);
  if (lines.length === 0) return null;
  return (
    <dl>
      {lines.map(([name, field]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{typeof field === "string" ? field : JSON.stringify(field, null, 2)}</dd>
        </div>
      ))}
    </dl>
  );
}
