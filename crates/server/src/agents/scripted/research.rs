//! Long work: progress for about two minutes, then a report.
//!
//! Knobs: `steps` (default 24), `step_ms` (default 5000), `delay_ms` between the report's tokens (default 25).

use serde_json::{Map, Value, json};

use super::{Agent, NodeContext, NodeEnd, NodeFuture, delay, last, pause};

/// The most steps a knob may ask for.
const STEPS_MAX: u32 = 10_000;

const NOTES: [&str; 6] = [
    "Reading the question",
    "Looking for sources",
    "Reading a source",
    "Comparing what the sources say",
    "Checking the figures",
    "Writing down what was found",
];

pub(super) struct Research;

impl Agent for Research {
    fn name(&self) -> &'static str {
        "research"
    }

    fn description(&self) -> &'static str {
        "Works for about two minutes, says how far it is, then streams a report."
    }

    fn nodes(&self) -> &'static [&'static str] {
        &["research", "report"]
    }

    fn after(&self, node: &str, _: &Map<String, Value>) -> Vec<String> {
        if node == "research" {
            vec!["report".to_owned()]
        } else {
            Vec::new()
        }
    }

    fn run<'a>(&'a self, node: &'a str, context: &'a mut NodeContext) -> NodeFuture<'a> {
        Box::pin(async move {
            let steps = context.knobs.count("steps", 24, STEPS_MAX);
            if node == "research" {
                let step_time = context.knobs.pause("step_ms", 5000.0);
                for (step, note) in (1..=steps).zip(NOTES.iter().cycle()) {
                    pause(step_time).await;
                    context
                        .custom(
                            &json!({"progress": step * 100 / steps, "step": step, "note": note}),
                        )
                        .await?;
                }
                return Ok(NodeEnd::Wrote(Map::from_iter([(
                    "steps_done".to_owned(),
                    steps.into(),
                )])));
            }
            let delay = delay(context);
            let mut out = context.message();
            let report = report(steps);
            let mut tokens = 0;
            for piece in report.split_inclusive(' ') {
                pause(delay).await;
                out.text(piece).await?;
                tokens += 1;
            }
            out.chunk(last("stop", tokens)).await?;
            Ok(NodeEnd::messages(vec![out.finish()]))
        })
    }
}

fn report(steps: u32) -> String {
    let mut text = format!(
        "# Report\n\nThe work took **{steps} steps**. Each was announced by a `custom` event while it ran:\n\n"
    );
    for (number, note) in (1..=steps.min(24)).zip(NOTES.iter().cycle()) {
        text.push_str(&format!("{number}. {note}.\n"));
    }
    text.push_str("\n## Conclusion\n\nA page that was closed during the work and opened again shows this report all the same.\n");
    text
}
