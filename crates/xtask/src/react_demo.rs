//! Builds `www/react-demo`, the React consumer of the npm package, with either version of React.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::build::{Profile, node};
use crate::setup;
use crate::step::{self, Steps, root, target_dir};

/// A version of React.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum React {
    /// 18
    V18,
    /// 19
    V19,
}

impl React {
    fn number(self) -> &'static str {
        match self {
            Self::V18 => "18",
            Self::V19 => "19",
        }
    }

    /// The page's static files, ready to serve.
    pub(crate) fn dist(self) -> PathBuf {
        target_dir().join(format!("react-demo/react{}", self.number()))
    }
}

/// Checks the demo's types and bundles it once per version. True when it worked.
///
/// Always React's development build: only in that one does `<StrictMode>` mount twice and does React tell what is wrong.
pub(crate) fn build(steps: &mut Steps, versions: &[React], _profile: Profile) -> bool {
    steps.run("build the React demo", || {
        if !root().join("www/package/dist").is_dir() {
            bail!("www/package/dist is not there");
        }
        setup::npm_packages(&demo_dir())?;
        step::run(node().current_dir(demo_dir()).args([
            "node_modules/typescript/bin/tsc",
            "-p",
            ".",
        ]))?;
        versions.iter().try_for_each(|&version| bundle(version))
    })
}

fn bundle(version: React) -> Result<()> {
    step::run(
        node()
            .current_dir(demo_dir())
            .args(["build.mjs", "--mode", "development", "--react"])
            .arg(version.number())
            .arg("--out")
            .arg(version.dist()),
    )
}

fn demo_dir() -> PathBuf {
    root().join("www/react-demo")
}
