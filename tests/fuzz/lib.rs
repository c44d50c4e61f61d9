//! What has to be so whatever bytes come in.
//!
//! Each module has a `check` that takes any bytes and panics where a promise is broken. The programs in `targets/` let
//! libFuzzer look for such bytes; `cargo xtask fuzz` builds and runs them. What has once been found is a seed.

pub mod apply;
pub mod choices;
pub mod decode;
pub mod lint;
pub mod parameters;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    type Check = fn(&[u8]);

    /// Those of `apply` are for the fuzzer alone, since they need a namespace.
    const CHECKS: [(&str, Check); 3] = [
        ("decode", crate::decode::check),
        ("lint", crate::lint::check),
        ("parameters", crate::parameters::check),
    ];

    #[test]
    fn no_seed_breaks_a_promise() {
        for (target, check) in CHECKS {
            let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
            let seeds: Vec<_> = fs::read_dir(directory).unwrap().map(|seed| seed.unwrap().path()).collect();
            assert!(!seeds.is_empty(), "no seeds of {target}");
            for seed in seeds {
                check(&fs::read(seed).unwrap());
            }
        }
    }
}
