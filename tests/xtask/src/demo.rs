//! `cargo xtask demo`: a device's life, watched.
//!
//! Everything that is printed was seen: writes were tried, files were read back, programs of the image were run.
//! What contradicts a promise is said in words and makes the command fail.

use std::fs;
use std::path::Path;
use std::time::Duration;

use state_schema::{Blob, DecodeError};

use crate::device::{Applied, Device, System, text};
use crate::example::Example;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::image::Image;
use crate::mounts;
use crate::probe::Probe;
use crate::setting::Setting;
use crate::sight::{Moment, NOTE_OF_A, NOTE_OF_B, Promise, Sight};
use crate::table::{Cell, print_row};
use crate::task::Task;
use crate::terminal::Terminal;
use crate::workspace::{Workspace, require_root};

/// Directories that no fragment of the example declares.
const UNDECLARED: [&str; 4] = ["/etc", "/etc/ssh", "/usr/bin", "/var/lib/dpkg"];

/// What was seen in one boot.
#[derive(Debug)]
struct Watched {
    moment: Moment,
    /// In the order of the probes.
    sights: Vec<Sight>,
    /// In the order of [`Setting::ALL`].
    settings: Vec<String>,
    /// What sshd says about its configuration and keys; empty where it is content.
    sshd: String,
    /// What `stated` said about paths that are not as planned, and programs that could not write what they had to.
    complaints: Vec<String>,
}

/// Shows the example on a device of its own.
pub(crate) fn run(workspace: &Workspace, terminal: Terminal) -> Outcome {
    require_root("demo")?;
    println!(
        "{}\n",
        terminal.bold("A real Debian with a read-only root, writable where its packages say so")
    );
    let example = Example::open(workspace, "debian-server")?;
    let image = Image::build(&example, workspace, terminal)?;
    let mut task = Task::start(terminal, "build stated");
    let stated = workspace.build_stated(&mut task)?;
    let size = |path: &Path| -> Outcome<u64> {
        Ok(fs::metadata(path).or_fail(|| format!("look at {}", path.display()))?.len())
    };
    let system = workspace.build_system(&mut task)?;
    image.add_program(&system)?;
    task.finish(&format!(
        "one static file of {} bytes for the initramfs, one of {} for the image",
        size(&stated)?,
        size(&system)?
    ));

    println!("\n{}\n", terminal.bold("The plan, as `statec inspect` shows it"));
    terminal.print_wide(&image.inspect("table")?);

    let device = Device::new(&image, stated, workspace.scratch(&example.image_id())?.join("sys-data"))?;
    let probes = probes(&image)?;
    let (watched, times) = live(&device, &probes)?;
    mounts::require_none_below(workspace.target())?;

    show_probes(terminal, &probes, &watched);
    show_settings(terminal, &watched);

    let contradictions = contradictions(&probes, &watched);
    if !contradictions.is_empty() {
        let list = contradictions.join("\n  - ");
        return Err(Failure::new(format!(
            "What was seen contradicts what the fragments promise:\n  - {list}"
        )));
    }
    let times = times.iter().map(|time| format!("{:.0} ms", time.as_secs_f64() * 1e3)).collect::<Vec<_>>();
    println!(
        "\n  {}",
        terminal.green("Everything was as the fragments promise, and nothing is left mounted.")
    );
    println!("  stated took {}; the first boot of a slot copies, and waits for the disk.", times.join(", "));
    println!("  See for yourself: {}", workspace.show(image.root()));
    println!("                    {}", workspace.show(device.sys_data()));
    Ok(())
}

/// One probe for each path of the plan that no program of the image is watched with, and some beside it.
fn probes(image: &Image) -> Outcome<Vec<Probe>> {
    let bytes = fs::read(image.blob()).or_fail(|| format!("read {}", image.blob().display()))?;
    let decode = || -> Result<Vec<Probe>, DecodeError> {
        let blob = Blob::decode(&bytes)?;
        blob.entries().map(|planned| Ok(Probe::of(&planned?.entry))).collect()
    };
    let mut probes = decode().or_fail(|| format!("decode {}", image.blob().display()))?;
    probes.retain(|probe| Setting::ALL.iter().all(|setting| setting.file() != Some(&probe.path)));
    probes.extend(UNDECLARED.map(Probe::of_undeclared));
    Ok(probes)
}

/// Boots the device four times and watches it; with how long each boot's `stated` took.
fn live(device: &Device<'_>, probes: &[Probe]) -> Outcome<(Vec<Watched>, Vec<Duration>)> {
    let mut watched = Vec::new();
    let mut times = Vec::new();
    device.boot(|system| {
        watched.push(watch_bare(system, probes)?);
        let Applied { took, degraded } = system.apply("A")?;
        times.push(took);
        let sights = probes.iter().map(|probe| write(system, probe, NOTE_OF_A)).collect();
        let complaints = degraded.into_iter().chain(make(system, &Setting::ALL)?).collect();
        watched.push(watch(system, Moment::FirstBoot, sights, complaints)?);
        Ok(())
    })?;
    for (moment, slot) in [(Moment::Reboot, "A"), (Moment::OtherSlot, "B"), (Moment::Return, "A")] {
        device.boot(|system| {
            let Applied { took, degraded } = system.apply(slot)?;
            times.push(took);
            let look = |probe: &Probe| match Sight::of_read(probe.read(system.root())) {
                // Slot A must not see this when it comes back. What is seen stands in the table unless this fails.
                sight if slot == "B" && probe.promise != Promise::ReadOnly => {
                    let written = write(system, probe, NOTE_OF_B);
                    if written == Sight::Written { sight } else { written }
                }
                sight => sight,
            };
            let sights = probes.iter().map(look).collect();
            let made = make(system, &[Setting::HostKey, Setting::MachineId])?;
            let complaints = degraded.into_iter().chain(made).collect();
            watched.push(watch(system, moment, sights, complaints)?);
            Ok(())
        })?;
    }
    Ok((watched, times))
}

/// Tries everything before `stated` has run. All of it should be refused.
fn watch_bare(system: &System<'_>, probes: &[Probe]) -> Outcome<Watched> {
    let sights = probes.iter().map(|probe| write(system, probe, NOTE_OF_A)).collect();
    // Not the machine id: if it cannot be written, systemd mounts one for this boot alone, which would be in our way.
    make(system, &[Setting::HostKey, Setting::HostName, Setting::TimeZone])?;
    watch(system, Moment::Bare, sights, Vec::new())
}

/// Has programs of the image write these. Returns what those that failed said.
fn make(system: &System<'_>, settings: &[Setting]) -> Outcome<Vec<String>> {
    let mut complaints = Vec::new();
    for setting in settings {
        let output = setting.make(system)?;
        if !output.status.success() {
            let said = text(&output.stderr);
            complaints.push(format!("{}: {}", setting.title(), said.trim()));
        }
    }
    Ok(complaints)
}

fn write(system: &System<'_>, probe: &Probe, note: &str) -> Sight {
    Sight::of_write(probe.write(system.root(), note))
}

fn watch(
    system: &System<'_>,
    moment: Moment,
    sights: Vec<Sight>,
    complaints: Vec<String>,
) -> Outcome<Watched> {
    let settings = Setting::ALL.into_iter().map(|setting| setting.read(system)).collect::<Outcome<_>>()?;
    let sshd = text(&system.run(&["sshd", "-t"])?.stderr).trim().to_owned();
    Ok(Watched { moment, sights, settings, sshd, complaints })
}

fn show_probes(terminal: Terminal, probes: &[Probe], watched: &[Watched]) {
    println!("\n{}", terminal.bold("What became of a file that was written to each path"));
    show_headings(terminal);
    for promise in Promise::ALL {
        println!("  {}", terminal.bold(promise.heading()));
        for (index, probe) in probes.iter().enumerate().filter(|(_, probe)| probe.promise == promise) {
            let cells: Vec<_> = watched.iter().map(|boot| cell(boot, index, promise)).collect();
            print_row(terminal, &probe.path, &cells);
        }
    }
}

fn cell(boot: &Watched, index: usize, promise: Promise) -> Cell {
    let Some(sight) = boot.sights.get(index) else { return Cell::bad("not tried") };
    let word = sight.word(boot.moment);
    match sight {
        _ if *sight != promise.expects(boot.moment) => Cell::bad(word),
        _ if promise == Promise::ReadOnly
            && boot.moment != Moment::FirstBoot
            && boot.moment != Moment::Bare =>
        {
            Cell::quiet("–")
        }
        Sight::Written | Sight::NoteOfA | Sight::NoteOfB => Cell::good(word),
        _ => Cell::quiet(word),
    }
}

fn show_settings(terminal: Terminal, watched: &[Watched]) {
    println!("\n{}", terminal.bold("What programs of this Debian wrote and then saw, run inside it"));
    show_headings(terminal);
    for (index, setting) in Setting::ALL.into_iter().enumerate() {
        let cells = watched.iter().map(|boot| {
            let value = boot.settings.get(index).map_or("", String::as_str);
            match value {
                "" => Cell::quiet("none"),
                _ if is_as_promised(index, boot, watched) => Cell::plain(value),
                _ => Cell::bad(value),
            }
        });
        print_row(terminal, setting.title(), &cells.collect::<Vec<_>>());
    }
    let cells = watched.iter().map(|boot| match (boot.sshd.as_str(), boot.moment) {
        ("", Moment::Bare) => Cell::bad("accepts"),
        ("", _) => Cell::good("accepts"),
        (_, Moment::Bare) => Cell::quiet("refuses"),
        _ => Cell::bad("refuses"),
    });
    print_row(terminal, "its keys, asked: sshd -t", &cells.collect::<Vec<_>>());
}

fn show_headings(terminal: Terminal) {
    for line in [0, 1] {
        let cells = Moment::ALL.map(|moment| Cell::quiet(moment.heading()[line]));
        print_row(terminal, "", &cells);
    }
}

/// Whether a setting's value in `boot` is what slots promise: A's own in every boot of A once it was made, and not
/// A's before that or in B.
fn is_as_promised(setting: usize, boot: &Watched, watched: &[Watched]) -> bool {
    let value_at = |moment| {
        let boot = watched.iter().find(|boot| boot.moment == moment);
        boot.and_then(|boot| boot.settings.get(setting))
    };
    let (value, first) = (boot.settings.get(setting), value_at(Moment::FirstBoot));
    match boot.moment {
        Moment::Bare => value != first,
        Moment::FirstBoot => first.is_some_and(|first| !first.is_empty()),
        Moment::Reboot | Moment::OtherSlot | Moment::Return => value == first,
    }
}

/// What is not as promised, a sentence each.
fn contradictions(probes: &[Probe], watched: &[Watched]) -> Vec<String> {
    let mut found = Vec::new();
    for boot in watched {
        let when = boot.moment.heading().join(" ");
        for (probe, sight) in probes.iter().zip(&boot.sights) {
            let expected = probe.promise.expects(boot.moment);
            if *sight != expected {
                let (seen, wanted) = (sight.sentence(), expected.sentence());
                found.push(format!("{} ({when}): {seen}; promised: {wanted}", probe.path));
            }
        }
        for (index, setting) in Setting::ALL.into_iter().enumerate() {
            if !is_as_promised(index, boot, watched) {
                let value = boot.settings.get(index).map_or("", String::as_str);
                found.push(format!(
                    "{} ({when}): {value:?} is not what this slot should have",
                    setting.title()
                ));
            }
        }
        found.extend(boot.complaints.iter().map(|complaint| format!("{complaint} ({when})")));
        if boot.sshd.is_empty() == (boot.moment == Moment::Bare) {
            found.push(format!("sshd -t ({when}): {:?}", boot.sshd));
        }
    }
    found
}
