//! Takes the words of panics out of a module.
//!
//! A panic is a bug of our own. In a browser it ends in a trap, and nothing prints its message. The code that formats such
//! messages, and the arguments at each call, would be a good part of the download. The trap stays.

use anyhow::{Result, ensure};
use walrus::{FunctionBuilder, FunctionKind, Module};

/// The functions that std calls when a program panics, by the start of their names, and those that the bindings call when
/// they are misused.
const PANICS: [&str; 14] = [
    "core::panicking::",
    "core::option::unwrap_failed",
    "core::option::expect_failed",
    "core::result::unwrap_failed",
    "core::cell::panic_already_",
    "core::slice::index::slice_index_fail",
    "core::slice::copy_from_slice_impl::len_mismatch_fail",
    "core::str::slice_error_fail",
    "alloc::raw_vec::handle_error",
    "alloc::raw_vec::capacity_overflow",
    "alloc::alloc::handle_alloc_error",
    "std::panicking::panic_handler",
    "std::panicking::panic_with_hook",
    "wasm_bindgen::throw_str",
];

/// Makes every function that only panics a trap. The module must have its names.
pub(crate) fn silence(module: &mut Module) -> Result<()> {
    let panics: Vec<_> = module
        .funcs
        .iter_local()
        .map(|(id, _)| id)
        .filter(|id| module.funcs.get(*id).name.as_deref().is_some_and(panics))
        .collect();
    ensure!(
        panics.len() > 5,
        "std's functions that panic have other names now: look at `PANICS`"
    );
    for id in panics {
        let kind = module.funcs.get(id).ty();
        let (params, results) = module.types.params_results(kind);
        let (params, results) = (params.to_vec(), results.to_vec());
        let mut trap = FunctionBuilder::new(&mut module.types, &params, &results);
        trap.func_body().unreachable();
        let args = params.iter().map(|param| module.locals.add(*param));
        let args = args.collect();
        module.funcs.get_mut(id).kind = FunctionKind::Local(trap.local_func(args));
    }
    Ok(())
}

/// Whether a function of this name, as the linker knows it, is one of them.
fn panics(name: &str) -> bool {
    let name = rustc_demangle::demangle(name).to_string();
    // `core[c5930c85a12de822]::panicking::panic`: the part in brackets names the build.
    let name = match (name.find('['), name.find("]::")) {
        (Some(open), Some(close)) if open < close => [&name[..open], &name[close + 1..]].concat(),
        _ => name,
    };
    // The latter: what `Vec::remove` and the like call.
    PANICS.iter().any(|panic| name.starts_with(panic)) || name.ends_with("::assert_failed")
}

#[cfg(test)]
mod tests {
    use super::panics;

    #[test]
    fn only_what_panics_is_meant() {
        assert!(panics("_RNvNtCs5QSdWC790r4_4core9panicking9panic_fmt"));
        assert!(panics("_ZN4core6option13unwrap_failed17h0123456789abcdefE"));
        assert!(panics("core[c5930c85a12de822]::panicking::panic_fmt"));
        assert!(panics("core::option::unwrap_failed"));
        assert!(panics(
            "<alloc[3ca501edff3f0c7c]::vec::Vec<_, _>>::remove::assert_failed"
        ));
        assert!(panics("wasm_bindgen::throw_str"));
        assert!(!panics("wasm_bindgen::throw_val"));
        assert!(!panics("rejoin_core::client::Client::handle"));
        assert!(!panics("std::panicking::panic_count::is_zero_slow_path"));
        assert!(!panics("wasm_bindgen::__rt::throw_null"));
        assert!(!panics("core[c5930c85a12de822]::str::converts::from_utf8"));
    }
}
