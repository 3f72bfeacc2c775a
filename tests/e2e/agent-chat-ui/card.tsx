// The component of the graph `card`. The Agent Server bundles it and the page loads it from there.
const Card = ({ title }: { title: string }) => <section>{title}</section>;

export default { card: Card };
