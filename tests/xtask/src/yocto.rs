//! `cargo xtask yocto`: the BitBake layer in real builds, and what they make booted in an emulator.
//!
//! BitBake and OpenEmbedded-Core are no part of the project: the environment says where they are. Nothing is fetched by the
//! builds; a layer for tests, `tests/yocto`, lets the host's own programs stand for what a build with a network makes.

mod all_recipes;
mod boots;
mod build;
mod builder;
mod check_layer;
mod deployed;
mod disk_images;
mod guest;
mod image;
mod other_layers;
mod runtime_test;
mod self_test;
mod tasks;

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::failure::{Failure, OrFail as _, Outcome};
use crate::task::Task;
use crate::terminal::Terminal;
use crate::tool;
use crate::workspace::{Workspace, require_root};
use build::Build;
use guest::Guest;

/// An image without fragments, and the same with them.
const IMAGE: &str = "sysota-test-image";
const IMAGE_WITH_FRAGMENTS: &str = "sysota-test-image-kept";
/// The same for a disk whose partitions have no labels.
const IMAGE_FOR_MBR: &str = "sysota-test-image-mbr";
/// OpenEmbedded's initramfs with the layer's module, and the one that is a single file.
const MODULAR: &str = "sysota-initramfs";
const SINGLE: &str = "sysota-initramfs-single";
const IMAGE_TO_BUILD_ON: &str = "sysota-image-minimal";
/// Units for an initramfs with systemd.
const FOR_SYSTEMD: &str = "sysota-initrd";

/// A fragment of the test layer, and what is changed in it.
const CHANGED_FRAGMENT: &str = "tests/yocto/meta-sysota-test/recipes-test/writer/files/writer.state.yaml";
const BEFORE: &str = "mode: \"0750\"";
const AFTER: &str = "mode: \"0700\"";

/// Builds with the layer, looks at what was built, and boots it. With `all_recipes`, all of OpenEmbedded-Core has its say, which
/// takes minutes.
pub(crate) fn run(workspace: &Workspace, terminal: Terminal, all_recipes: bool) -> Outcome {
    require_root("yocto")?;
    tool::ensure(&tool::OF_YOCTO, workspace, terminal)?;
    builder::ensure_locale(workspace, terminal)?;
    let others = all_recipes::other_layers()?;
    let build = Build::prepare(workspace, terminal)?;
    println!("\n{}", terminal.bold(&format!("OpenEmbedded-Core, {}", build.series())));
    build_images(&build, terminal)?;
    compare_blobs(&build, workspace, terminal)?;
    change_fragment(&build, terminal)?;
    let guest = Guest::prepare(&build, workspace, terminal)?;
    boots::by_labels(&build, &guest, terminal)?;
    boots::by_signature(&build, &guest, terminal)?;
    if disk_images::can_be_made(&build) {
        disk_images::make(&build, &guest, terminal)?;
    }
    runtime_test::run(&build, &guest, terminal)?;
    self_test::run(&build, terminal)?;
    check_layer::check(&build, terminal, all_recipes)?;
    if all_recipes || !others.is_empty() {
        let all = all_recipes::directory(&build, &others)?;
        all_recipes::read(&all, terminal)?;
        if !others.is_empty() {
            other_layers::build(&all, &others, terminal)?;
        }
    }
    // Last, since a build that fails takes away what was deployed.
    refuse_conflict(&build, terminal)
}

/// The images are what their fragments and the policy ask for.
fn build_images(build: &Build, terminal: Terminal) -> Outcome {
    let mut task = Task::start(terminal, "build images");
    let log = build.bitbake(&mut task, &[IMAGE, IMAGE_WITH_FRAGMENTS, IMAGE_TO_BUILD_ON, MODULAR, SINGLE])?;
    // Its recipe wants the feature, which changes no other that is built here.
    build.bitbake_with(&mut task, "DISTRO_FEATURES:append = \" systemd usrmerge\"", &[FOR_SYSTEMD])?;
    task.finish(&format!("{} tasks were run", tasks::count(&log)));

    let task = Task::start(terminal, "look into the image");
    let image = build.deployed(IMAGE).image()?;
    let count = image::check(&image, builder::NOBODY)?;
    build.deployed(IMAGE_TO_BUILD_ON).image()?.require_blob()?;
    task.finish(&format!("{count} files, none the builder's, no fragment left"));
    Ok(())
}

/// What BitBake has compiled is what `statec` compiles by itself.
fn compare_blobs(build: &Build, workspace: &Workspace, terminal: Terminal) -> Outcome {
    let mut task = Task::start(terminal, "compile without BitBake");
    let statec = workspace.build_statec(&mut task)?;
    let deployed = build.deployed(IMAGE_WITH_FRAGMENTS);
    let root = build.directory().join("root");
    deployed.image()?.unpack(&root, &mut task, &build.log("unpack"))?;
    let blob = build.directory().join("state.blob");
    let plan = deployed.plan()?;
    let id = text_value(&plan, "image")?;
    let mut compile = Command::new(statec);
    compile.arg("compile").arg(root.join("usr/share/sysota/state.d")).arg("--rootfs").arg(&root);
    compile.arg("--image").arg(build.policy()).args(["--image-id", id]).arg("--output").arg(&blob);
    task.run(&mut compile, &build.log("compile"))?;
    let [ours, theirs] = [&blob, &root.join("usr/lib/sysota/state.blob")].map(read);
    let (ours, theirs) = (ours?, theirs?);
    if ours != theirs || ours != read(&deployed.blob()?)? {
        return Err(Failure::new(
            "the blob that do_rootfs made is not the one that statec makes of the same image",
        ));
    }
    task.finish(&format!("the {} bytes in the image and beside it", ours.len()));
    Ok(())
}

/// A changed fragment is packaged and compiled again, and nothing else is built.
fn change_fragment(build: &Build, terminal: Terminal) -> Outcome {
    let mut task = Task::start(terminal, "change a fragment");
    build.replace(CHANGED_FRAGMENT, BEFORE, AFTER)?;
    let log = build.bitbake(&mut task, &[IMAGE])?;
    let recipes = tasks::recipes(&log);
    let expected = ["sysota-test-image", "writer"];
    if recipes != expected {
        return Err(Failure::new(format!(
            "{} were built, and not {}",
            recipes.join(", "),
            expected.join(", ")
        )));
    }
    let plan = build.deployed(IMAGE).plan()?;
    if !plan.contains("\"mode\": \"0700\"") {
        return Err(Failure::with_output("the image's plan does not have the change", plan));
    }
    task.finish(&format!("{} tasks, of {} alone", tasks::count(&log), recipes.join(" and ")));
    Ok(())
}

/// Fragments that disagree fail the image, and the log shows both places.
fn refuse_conflict(build: &Build, terminal: Terminal) -> Outcome {
    let mut task = Task::start(terminal, "let fragments disagree");
    let log = build.bitbake_fails(&mut task, "SYSOTA_TEST_EXTRA = \"rival\"", &[IMAGE])?;
    for needed in ["error[conflict]", "/state.d/rival.yaml:", "/state.d/writer.yaml:", "do_rootfs"] {
        if !log.contains(needed) {
            return Err(Failure::with_output(format!("the log does not have `{needed}`"), log));
        }
    }
    task.finish("do_rootfs fails, with both places in its log");
    Ok(())
}

fn read(path: impl AsRef<Path>) -> Outcome<Vec<u8>> {
    let path = path.as_ref();
    fs::read(path).or_fail(|| format!("read {}", path.display()))
}

/// The text of `key` in JSON that has one key on each line, as `statec inspect` writes it.
fn text_value<'j>(json: &'j str, key: &str) -> Outcome<&'j str> {
    let start = format!("\"{key}\": \"");
    let mut values = json.lines().filter_map(|line| line.trim().strip_prefix(&start)?.split('"').next());
    values.next().ok_or_else(|| Failure::with_output(format!("the plan has no `{key}`"), json))
}

#[cfg(test)]
mod tests {
    use super::text_value;

    #[test]
    fn finds_the_image_in_a_plan() {
        let plan = "{\n  \"format-version\": 1,\n  \"image\": \"a-1\",\n  \"slots\": []\n}\n";
        assert_eq!(text_value(plan, "image").unwrap(), "a-1");
        assert!(text_value(plan, "slots").is_err());
    }
}
