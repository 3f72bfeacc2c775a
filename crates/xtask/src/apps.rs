//! The pages that are built, served and tested: `www/demo`, and `www/react-demo` with either version of React.

use std::path::PathBuf;

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
}

/// Which build of React.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Where `<StrictMode>` mounts twice and React tells what is wrong: for tests.
    Development,
    /// As it ships.
    Production,
}

impl App {
    /// In the order they are tested.
    pub(crate) const ALL: [Self; 3] = [Self::Leptos, Self::React18, Self::React19];

    /// The word the harness knows it by.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Leptos => "leptos",
            Self::React18 => "react18",
            Self::React19 => "react19",
        }
    }

    /// Whether it is made with React.
    pub(crate) fn is_react(self) -> bool {
        self.react().is_some()
    }

    /// Its static files, ready to serve.
    pub(crate) fn dist(self) -> PathBuf {
        match self {
            Self::Leptos => build::dist_dir(),
            Self::React18 | Self::React19 => target_dir().join("react-demo").join(self.name()),
        }
    }

    fn react(self) -> Option<&'static str> {
        match self {
            Self::Leptos => None,
            Self::React18 => Some("18"),
            Self::React19 => Some("19"),
        }
    }
}

/// Builds these pages and what they are made of. True when it worked.
pub(crate) fn build(steps: &mut Steps, apps: &[App], profile: Profile, mode: Mode) -> bool {
    if apps.contains(&App::Leptos) && !build::demo_assets(steps, profile) {
        return false;
    }
    !apps.iter().any(|app| app.is_react())
        || (package::build(steps, profile) && bundle_react(steps, apps, mode))
}

/// Checks the React demo's types and bundles it for each of these pages, with the npm package as it is built. True when it worked.
pub(crate) fn bundle_react(steps: &mut Steps, apps: &[App], mode: Mode) -> bool {
    steps.run("build the React demo", || {
        setup::npm_packages(&react_dir())?;
        step::run(node().current_dir(react_dir()).args([
            "node_modules/typescript/bin/tsc",
            "-p",
            ".",
        ]))?;
        apps.iter()
            .filter_map(|&app| Some((app, app.react()?)))
            .try_for_each(|(app, version)| bundle(app, version, mode))
    })
}

fn bundle(app: App, version: &str, mode: Mode) -> Result<()> {
    let mode = match mode {
        Mode::Development => "development",
        Mode::Production => "production",
    };
    step::run(
        node()
            .current_dir(react_dir())
            .args(["build.mjs", "--react", version, "--mode", mode, "--out"])
            .arg(app.dist()),
    )
}

fn react_dir() -> PathBuf {
    root().join("www/react-demo")
}
