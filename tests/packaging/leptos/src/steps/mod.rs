//! A page for each step.

pub mod chat;
pub mod progress;
pub mod questions;
pub mod reload;
pub mod state;
pub mod together;
pub mod tools;
pub mod versions;
