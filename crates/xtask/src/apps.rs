//! The pages that are built, served and tested: `www/demo`, `www/react-demo` with either version of React, and
//! `www/assistant-ui-demo`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueEnum;

use crate::build::{self, Profile, node};
use crate::package;
use crate::setup;
use crate::step::{self, Steps, root, target_dir};

/// A page.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum App {
    /// `www/demo`
    Leptos,
    /// `www/react-demo` with React 18
    React18,
    /// `www/react-demo` with React 19
    React19,
    /// `www/assistant-ui-demo`
    AssistantUi,
}

/// The build of React.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The build in which `<StrictMode>` mounts twice and React warns of mistakes: for tests.
    Development,
    /// As it ships.
    Production,
}

impl App {
    /// In the order they are tested.
    pub(crate) const ALL: [Self; 4] = [
        Self::Leptos,
        Self::React18,
        Self::React19,
        Self::AssistantUi,
    ];

    /// The word the harness knows it by.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Leptos => "leptos",
            Self::React18 => "react18",
            Self::React19 => "react19",
            Self::AssistantUi => "assistant-ui",
        }
    }

    /// Whether it is built on the npm package.
    pub(crate) fn is_on_package(self) -> bool {
        match self {
            Self::Leptos => false,
            Self::React18 | Self::React19 | Self::AssistantUi => true,
        }
    }

    /// Whether it is tested on the real Agent Servers as well as on our own.
    pub(crate) fn is_tested_everywhere(self) -> bool {
        match self {
            Self::Leptos | Self::AssistantUi => true,
            Self::React18 | Self::React19 => false,
        }
    }

    /// Whether it is tested by this file. assistant-ui's page has a suite of its own, and few files in common with the others.
    pub(crate) fn is_tested_by(self, file: &str) -> bool {
        match self {
            Self::Leptos | Self::React18 | Self::React19 => true,
            Self::AssistantUi => {
                file.starts_with("assistant-ui")
                    || ["saved.test.mjs", "unsent.test.mjs"].contains(&file)
            }
        }
    }

    /// Its static files, ready to serve.
    pub(crate) fn dist(self) -> PathBuf {
        match self {
            Self::Leptos => build::dist_dir(),
            Self::React18 | Self::React19 => target_dir().join("react-demo").join(self.name()),
            Self::AssistantUi => target_dir().join("assistant-ui-demo"),
        }
    }

    /// The folder of its sources, where npm's programs build it, and what its build is told besides mode and output.
    fn npm_build(self) -> Option<(PathBuf, &'static [&'static str])> {
        match self {
            Self::Leptos => None,
            Self::React18 => Some((root().join("www/react-demo"), &["--react", "18"])),
            Self::React19 => Some((root().join("www/react-demo"), &["--react", "19"])),
            Self::AssistantUi => Some((root().join("www/assistant-ui-demo"), &[])),
        }
    }
}

/// Builds these pages and what they are made of. True when it worked.
pub(crate) fn build(steps: &mut Steps, apps: &[App], profile: Profile, mode: Mode) -> bool {
    if apps.contains(&App::Leptos) && !build::demo_assets(steps, profile) {
        return false;
    }
    !apps.iter().any(|app| app.is_on_package())
        || (package::build(steps, profile) && bundle(steps, apps, mode))
}

/// Checks the types of these pages and bundles them, with the npm package as it is built. True when it worked.
pub(crate) fn bundle(steps: &mut Steps, apps: &[App], mode: Mode) -> bool {
    steps.run("build the npm package's demos", || {
        let mut checked: Option<PathBuf> = None;
        for &app in apps {
            let Some((dir, options)) = app.npm_build() else {
                continue;
            };
            // Two pages of one folder follow each other.
            if checked.as_ref() != Some(&dir) {
                setup::npm_packages(&dir)?;
                step::run(node().current_dir(&dir).args([
                    "node_modules/typescript/bin/tsc",
                    "-p",
                    ".",
                ]))?;
            }
            bundle_one(&dir, app, options, mode)?;
            checked = Some(dir);
        }
        Ok(())
    })
}

fn bundle_one(dir: &Path, app: App, options: &[&str], mode: Mode) -> Result<()> {
    let mode = match mode {
        Mode::Development => "development",
        Mode::Production => "production",
    };
    step::run(
        node()
            .current_dir(dir)
            .args(["build.mjs", "--mode", mode])
            .args(options)
            .arg("--out")
            .arg(app.dist()),
    )
}
