"""Two more graphs, in the forms that agent-chat-ui shows: a review of a tool call, and a component of generative UI."""
from __future__ import annotations

from typing import Annotated, Any, Sequence

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.ui import AnyUIMessage, push_ui_message, ui_message_reducer
from langgraph.types import interrupt


# ---- review: an interrupt of the agent inbox --------------------------------
class ReviewState(MessagesState):
    decision: Any


async def propose(state: ReviewState):
    return {"messages": [AIMessage(content="I would send this mail.")]}


async def review(state: ReviewState):
    action = {"name": "send_mail", "args": {"to": "ann"}, "description": "Send the mail?"}
    allowed = {"action_name": "send_mail", "allowed_decisions": ["approve", "edit", "reject"]}
    return {"decision": interrupt({"action_requests": [action], "review_configs": [allowed]})}


async def tell(state: ReviewState):
    return {"messages": [AIMessage(content=f"decided {state['decision']['decisions'][0]['type']}")]}

reviewed = (StateGraph(ReviewState).add_node("propose", propose).add_node("review", review).add_node("tell", tell)
            .add_edge(START, "propose").add_edge("propose", "review").add_edge("review", "tell").add_edge("tell", END).compile())


# ---- card: generative UI ----------------------------------------------------
class CardState(MessagesState):
    ui: Annotated[Sequence[AnyUIMessage], ui_message_reducer]


async def show(state: CardState):
    message = AIMessage(id=f"answer-{len(state['messages'])}", content="Here is a card.")
    push_ui_message("card", {"title": "A card from the server"}, message=message)
    return {"messages": [message]}

card = StateGraph(CardState).add_node("show", show).add_edge(START, "show").add_edge("show", END).compile()
