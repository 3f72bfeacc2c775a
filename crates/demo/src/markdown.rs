//! A model's markdown as HTML that cannot do anything.
//!
//! Safe by construction: the renderer writes only the tags in this file, escapes all text, and shows raw HTML as text. Links
//! go to `http`, `https` and `mailto` only. Images become links, so that a model cannot make the page fetch an address.
//!
//! While a message streams, blocks that are followed by another are final: only the rest is parsed again.

use pulldown_cmark::{Alignment, CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    ops::Range,
    sync::Arc,
};

/// One top-level block: a paragraph, a list, a table, a piece of code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Its place and content; equal keys mean equal HTML at an equal place.
    pub(crate) key: (usize, u64),
    /// Its HTML.
    pub(crate) html: String,
}

/// Renders a text that grows.
#[derive(Debug, Default)]
pub(crate) struct Renderer {
    done: Vec<Arc<Block>>,
    /// The text that `done` shows.
    prefix: String,
}

impl Renderer {
    /// The blocks of `text`. `is_whole` says that nothing more comes: then everything is parsed once more, as a link's
    /// address may be given after its use.
    pub(crate) fn update(&mut self, text: &str, is_whole: bool) -> Vec<Arc<Block>> {
        if is_whole || !text.starts_with(&self.prefix) {
            self.done.clear();
            self.prefix.clear();
        }
        let start = self.prefix.len();
        let tail = &text[start..];
        let rendered = render_blocks(tail);
        // Text that is appended changes the last block, or adds others. Only where a block's first line is whole is it
        // certain that it does not belong to the block before it.
        let last_break = tail.rfind('\n').unwrap_or(0);
        let last_certain = rendered
            .iter()
            .rposition(|(_, range)| range.start <= last_break)
            .unwrap_or(0);
        let certain_bytes = rendered
            .get(last_certain)
            .map_or(0, |(_, range)| range.start);
        let mut blocks = self.done.clone();
        let certain_blocks = blocks.len() + last_certain;
        for (html, _) in rendered {
            blocks.push(Arc::new(Block {
                key: (blocks.len(), hash(&html)),
                html,
            }));
        }
        if !is_whole && last_certain > 0 {
            self.done = blocks[..certain_blocks].to_vec();
            self.prefix.push_str(&tail[..certain_bytes]);
        }
        blocks
    }
}

fn hash(html: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    html.hash(&mut hasher);
    hasher.finish()
}

fn render_blocks(text: &str) -> Vec<(String, Range<usize>)> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut blocks = Vec::new();
    let mut writer = Writer::default();
    let mut depth = 0_usize;
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            Event::Text(_)
            | Event::Code(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::Html(_)
            | Event::InlineHtml(_)
            | Event::FootnoteReference(_)
            | Event::SoftBreak
            | Event::HardBreak
            | Event::Rule
            | Event::TaskListMarker(_) => {}
        }
        writer.event(event);
        if depth == 0 {
            // A block's own range may begin after the blanks that indent it, which mean something: take the whole line.
            let line_start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
            blocks.push((std::mem::take(&mut writer.html), line_start..range.end));
        }
    }
    blocks
}

#[derive(Default)]
struct Writer {
    html: String,
    /// How each open link ends: those with a forbidden address are no links.
    link_ends: Vec<&'static str>,
    alignments: Vec<Alignment>,
    column: usize,
    in_head: bool,
}

impl Writer {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => {
                escape(&text, &mut self.html)
            }
            Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.html.push_str("<code>");
                escape(&text, &mut self.html);
                self.html.push_str("</code>");
            }
            Event::FootnoteReference(name) => escape(&name, &mut self.html),
            Event::SoftBreak => self.html.push('\n'),
            Event::HardBreak => self.html.push_str("<br>"),
            Event::Rule => self.html.push_str("<hr>"),
            Event::TaskListMarker(true) => self
                .html
                .push_str("<span class=\"task\" role=\"img\" aria-label=\"done\">☑</span> "),
            Event::TaskListMarker(false) => self
                .html
                .push_str("<span class=\"task\" role=\"img\" aria-label=\"to do\">☐</span> "),
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => self.html.push_str("<p>"),
            Tag::Heading { level, .. } => {
                let (tag, class) = heading(level);
                self.html.push_str(&format!("<{tag} class=\"{class}\">"));
            }
            Tag::BlockQuote(_) => self.html.push_str("<blockquote>"),
            Tag::CodeBlock(kind) => self.start_code(&kind),
            Tag::HtmlBlock => self.html.push_str("<p class=\"raw\">"),
            Tag::List(None) => self.html.push_str("<ul>"),
            Tag::List(Some(1)) => self.html.push_str("<ol>"),
            Tag::List(Some(start)) => self.html.push_str(&format!("<ol start=\"{start}\">")),
            Tag::Item => self.html.push_str("<li>"),
            Tag::Table(alignments) => {
                self.alignments = alignments;
                self.html.push_str("<div class=\"table\" tabindex=\"0\" role=\"group\" aria-label=\"Table\"><table>");
            }
            Tag::TableHead => {
                self.in_head = true;
                self.column = 0;
                self.html.push_str("<thead><tr>");
            }
            Tag::TableRow => {
                self.column = 0;
                self.html.push_str("<tr>");
            }
            Tag::TableCell => self.start_cell(),
            Tag::Emphasis => self.html.push_str("<em>"),
            Tag::Strong => self.html.push_str("<strong>"),
            Tag::Strikethrough => self.html.push_str("<del>"),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => self.start_link(&dest_url),
            // Not enabled; their text is shown all the same.
            Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Superscript
            | Tag::Subscript
            | Tag::MetadataBlock(_) => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        let text = match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => "</p>",
            TagEnd::Heading(level) => {
                self.html.push_str(&format!("</{}>", heading(level).0));
                return;
            }
            TagEnd::BlockQuote(_) => "</blockquote>",
            TagEnd::CodeBlock => "</code></pre></figure>",
            TagEnd::List(false) => "</ul>",
            TagEnd::List(true) => "</ol>",
            TagEnd::Item => "</li>",
            TagEnd::Table => "</tbody></table></div>",
            TagEnd::TableHead => {
                self.in_head = false;
                "</tr></thead><tbody>"
            }
            TagEnd::TableRow => "</tr>",
            TagEnd::TableCell => {
                if self.in_head {
                    "</th>"
                } else {
                    "</td>"
                }
            }
            TagEnd::Emphasis => "</em>",
            TagEnd::Strong => "</strong>",
            TagEnd::Strikethrough => "</del>",
            TagEnd::Link | TagEnd::Image => self.link_ends.pop().unwrap_or_default(),
            TagEnd::FootnoteDefinition
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::MetadataBlock(_) => "",
        };
        self.html.push_str(text);
    }

    fn start_code(&mut self, kind: &CodeBlockKind<'_>) {
        let language = match kind {
            CodeBlockKind::Indented => "",
            CodeBlockKind::Fenced(info) => info.split([' ', ',', '{']).next().unwrap_or_default(),
        };
        self.html
            .push_str("<figure class=\"code\"><figcaption><span>");
        escape(
            if language.is_empty() {
                "text"
            } else {
                language
            },
            &mut self.html,
        );
        self.html.push_str("</span><button type=\"button\" class=\"copy\" data-copy=\"code\">Copy code</button></figcaption><pre tabindex=\"0\"><code>");
    }

    fn start_cell(&mut self) {
        let class = match self.alignments.get(self.column) {
            Some(Alignment::Center) => " class=\"center\"",
            Some(Alignment::Right) => " class=\"right\"",
            Some(Alignment::Left | Alignment::None) | None => "",
        };
        self.column += 1;
        self.html.push_str(if self.in_head { "<th" } else { "<td" });
        self.html.push_str(class);
        self.html.push('>');
    }

    fn start_link(&mut self, url: &str) {
        if is_allowed(url) && self.link_ends.iter().all(|end| *end != "</a>") {
            self.html.push_str("<a href=\"");
            escape(url, &mut self.html);
            self.html
                .push_str("\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">");
            self.link_ends.push("</a>");
        } else {
            self.html.push_str("<span>");
            self.link_ends.push("</span>");
        }
    }
}

/// The page has headings of its own above these.
fn heading(level: HeadingLevel) -> (&'static str, &'static str) {
    match level {
        HeadingLevel::H1 => ("h3", "h1"),
        HeadingLevel::H2 => ("h4", "h2"),
        HeadingLevel::H3 => ("h5", "h3"),
        HeadingLevel::H4 | HeadingLevel::H5 | HeadingLevel::H6 => ("h6", "h4"),
    }
}

fn is_allowed(url: &str) -> bool {
    let starts = |scheme: &str| {
        url.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    starts("https://") || starts("http://") || starts("mailto:")
}

fn escape(text: &str, html: &mut String) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            other => html.push(other),
        }
    }
}

#[cfg(test)]
mod tests;
