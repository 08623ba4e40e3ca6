//! Every file in `corpus` goes through its target; or only `ROOMCAST_FUZZ_FILE` through `ROOMCAST_FUZZ_TARGET`.

use std::fs;
use std::path::Path;

#[test]
fn nothing_in_the_corpus_is_wrong() {
    let wanted = |name| std::env::var(name).ok();
    let one = wanted("ROOMCAST_FUZZ_TARGET").zip(wanted("ROOMCAST_FUZZ_FILE"));
    if let Some((name, path)) = one {
        let run = fuzz::TARGETS.into_iter().find(|target| target.0 == name);
        run.expect("a target's name").1(&fs::read(&path).expect("a file that can be read"));
        return;
    }
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, run) in fuzz::TARGETS {
        let folder = fs::read_dir(corpus.join(name)).expect("each target has a folder");
        let mut many = 0;
        for entry in folder {
            let path = entry.expect("a file").path();
            let data = fs::read(&path).expect("a file that can be read");
            // Of a panic the test's output shows the last line before it.
            println!("{}", path.display());
            run(&data);
            many += 1;
        }
        assert!(many > 0, "the corpus of '{name}' is empty");
    }
}
