//! The renderer's output: allowed and forbidden parts.

use super::Renderer;

fn html(text: &str) -> String {
    Renderer::default()
        .update(text, true)
        .iter()
        .map(|block| block.html.as_str())
        .collect()
}

fn check(text: &str, expected: &str) {
    assert_eq!(html(text), expected, "for {text:?}");
    assert_harmless(&html(text));
}

/// Each `<` begins one of the tags, with nothing but the attributes, that the renderer writes.
fn assert_harmless(html: &str) {
    const TAGS: &str = " p h3 h4 h5 h6 blockquote figure figcaption span button pre code ul ol li div table thead tbody tr th td em strong del a br hr ";
    const ATTRIBUTES: &str =
        " class type data-copy tabindex role aria-label start href target rel ";
    for piece in html.split('<').skip(1) {
        let (tag, _text) = piece
            .split_once('>')
            .unwrap_or_else(|| panic!("an open tag in {html:?}"));
        let tag = tag.trim_start_matches('/');
        let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(
            TAGS.contains(&format!(" {name} ")),
            "tag {name:?} in {html:?}"
        );
        while let Some((attribute, value_on)) = rest.split_once("=\"") {
            assert!(
                ATTRIBUTES.contains(&format!(" {} ", attribute.trim())),
                "attribute {attribute:?} in {html:?}"
            );
            let (value, after) = value_on
                .split_once('"')
                .unwrap_or_else(|| panic!("an open value in {html:?}"));
            if attribute.trim() == "href" {
                let value = value.to_ascii_lowercase();
                assert!(
                    ["http://", "https://", "mailto:"]
                        .iter()
                        .any(|s| value.starts_with(s)),
                    "address {value:?}"
                );
            }
            rest = after;
        }
        assert_eq!(rest.trim(), "", "something left in a tag of {html:?}");
    }
}

#[test]
fn renders_what_chats_use() {
    check(
        "Hello *there*, **you** ~~not~~ `x<y`",
        "<p>Hello <em>there</em>, <strong>you</strong> <del>not</del> <code>x&lt;y</code></p>",
    );
    check(
        "# One\n\n## Two",
        "<h3 class=\"h1\">One</h3><h4 class=\"h2\">Two</h4>",
    );
    check("- a\n- b", "<ul><li>a</li><li>b</li></ul>");
    check("3. a\n4. b", "<ol start=\"3\"><li>a</li><li>b</li></ol>");
    check("> said", "<blockquote><p>said</p></blockquote>");
    check("a\nb  \nc\n\n---", "<p>a\nb<br>c</p><hr>");
    assert!(html("- [x] done\n- [ ] open").contains("aria-label=\"done\""));
}

#[test]
fn tables_keep_their_alignment_by_class() {
    let table = html("| a | b | c |\n|---|:-:|--:|\n| 1 | 2 | 3 |");
    assert_harmless(&table);
    assert!(
        table.contains(
            "<th>a</th><th class=\"center\">b</th><th class=\"right\">c</th></tr></thead><tbody>"
        ),
        "{table}"
    );
    assert!(
        table.contains("<td>1</td><td class=\"center\">2</td><td class=\"right\">3</td>"),
        "{table}"
    );
}

#[test]
fn code_is_escaped_and_names_its_language() {
    let code = html("```rust,ignore\nlet a = \"<b>\";\n```");
    assert!(code.contains("<span>rust</span>"), "{code}");
    assert!(
        code.contains("let a = &quot;&lt;b&gt;&quot;;\n</code></pre>"),
        "{code}"
    );
    assert!(html("```\"><script>\nx\n```").contains("<span>&quot;&gt;&lt;script&gt;</span>"));
}

#[test]
fn raw_html_is_shown_as_text() {
    check(
        "a <b onclick=\"x()\">bold</b>",
        "<p>a &lt;b onclick=&quot;x()&quot;&gt;bold&lt;/b&gt;</p>",
    );
    let block = html("<script>alert(1)</script>\n\n<img src=x onerror=alert(1)>");
    assert!(
        block.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
        "{block}"
    );
    assert!(!block.contains("<script") && !block.contains("<img"));
    assert_harmless(&block);
}

#[test]
fn links_go_nowhere_dangerous() {
    check("[x](https://a.example/?q=\"1\")", "<p>[x](https://a.example/?q=&quot;1&quot;)</p>".replace("[x](https://a.example/?q=&quot;1&quot;)", "<a href=\"https://a.example/?q=&quot;1&quot;\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">x</a>").as_str());
    assert!(html("<mailto:a@b.example>").contains("href=\"mailto:a@b.example\""));
    for address in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,<script>",
        "vbscript:x",
        "file:///etc/passwd",
        "//evil.example",
        "/relative",
        "#hash",
        "<java\tscript:alert(1)>",
        "java&#10;script:alert(1)",
        "&#106;avascript:alert(1)",
        "\u{1}javascript:x",
    ] {
        let link = html(&format!("[x]({address}) ![y]({address})"));
        assert!(!link.contains("href"), "{address:?} became {link}");
        assert_harmless(&link);
    }
}

#[test]
fn images_become_links_and_never_nest() {
    assert!(
        html("![a cat](https://c.example/cat.png)")
            .contains("<a href=\"https://c.example/cat.png\"")
    );
    assert_eq!(
        html("[![a](https://i.example)](https://l.example)")
            .matches("<a ")
            .count(),
        1
    );
}

const CORPUS: &[&str] = &[
    "# Title\n\nA paragraph with **bold** and `code`.\n\n- one\n- two\n\n  still two\n- three\n\nAfter.\n",
    "Setext\n===\n\nand a table:\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n| 3 | 4 |\n\nend",
    "```rust\nfn main() {}\n\n\n# not a heading\n```\n\ntext\n\n    indented code\n\n    more of it\n\nlast",
    "> quote\n> more\n\n> another\n\n1. a\n\n   para\n\n2. b\n\n---\n\n<div>\nraw\n\n</div>\n",
    "see [later]\n\nmiddle\n\n[later]: https://l.example/\n\nend [later]",
    "ümläut 🎉 **böld\n\n*open [link](https://x.example\n\n~~~\nunclosed fence\n\nwith a gap",
];

#[test]
fn growing_text_ends_as_if_rendered_at_once() {
    for text in CORPUS {
        let mut renderer = Renderer::default();
        for (end, _) in text.char_indices() {
            let parts = renderer.update(&text[..end], false);
            assert_harmless(
                &parts
                    .iter()
                    .map(|block| block.html.as_str())
                    .collect::<String>(),
            );
        }
        let last: String = renderer
            .update(text, true)
            .iter()
            .map(|block| block.html.clone())
            .collect();
        assert_eq!(last, html(text));
    }
}

#[test]
fn every_step_but_late_link_addresses_equals_a_full_rendering() {
    for text in CORPUS.iter().filter(|text| !text.contains("]: ")) {
        let mut renderer = Renderer::default();
        for (end, _) in text.char_indices() {
            let parts: String = renderer
                .update(&text[..end], false)
                .iter()
                .map(|block| block.html.clone())
                .collect();
            assert_eq!(parts, html(&text[..end]), "after {:?}", &text[..end]);
        }
    }
}

#[test]
fn blocks_keep_their_keys_while_later_ones_grow() {
    let mut renderer = Renderer::default();
    let before = renderer.update("one\n\ntwo", false);
    let after = renderer.update("one\n\ntwo and more\n\nthree", false);
    assert_eq!(before[0].key, after[0].key);
    assert_ne!(before[1].key, after[1].key);
    assert_eq!(after.len(), 3);
}

#[test]
fn a_text_that_changes_is_rendered_anew() {
    let mut renderer = Renderer::default();
    renderer.update("one\n\ntwo\n\nthree", false);
    let other: String = renderer
        .update("uno\n\ndos", false)
        .iter()
        .map(|block| block.html.clone())
        .collect();
    assert_eq!(other, "<p>uno</p><p>dos</p>");
}

#[test]
fn noise_is_harmless() {
    const PIECES: &[&str] = &[
        "<script>",
        "</p>",
        "<a href=\"javascript:x\">",
        "[x](",
        "javascript:",
        "https://a.example",
        ")",
        "\"",
        "'",
        ">",
        "<",
        "`",
        "```",
        "\n",
        "\n\n",
        "- ",
        "1. ",
        "| a |",
        "\n|-|\n",
        "**",
        "~~",
        "![",
        "](",
        "&lt;",
        "&#60;",
        "\u{0}",
        "\t",
        "    ",
        "onerror=",
        "é",
        "<!--",
        "-->",
        "<![CDATA[",
        "\\",
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..3000 {
        let mut text = String::new();
        for _ in 0..20 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            text.push_str(PIECES[(state % PIECES.len() as u64) as usize]);
        }
        assert_harmless(&html(&text));
    }
}
