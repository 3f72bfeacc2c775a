import { renderToString } from "react-dom/server";
import { useConnection, useStream, useView } from "../../dist/react/index.js";

function Page() {
  const stream = useStream({ assistantId: "agent", threadId: "t", initialValues: { messages: [{ type: "human", content: "from the cache", id: "c" }] } });
  const { nodes, loading } = useView({ stream });
  return <p>{[stream.messages[0].content, stream.isLoading, stream.isThreadLoading, useConnection(stream).state, nodes.length, loading].join(" ")}</p>;
}

export const render = () => renderToString(<Page />);
