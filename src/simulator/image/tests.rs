use super::*;

fn parse(text: &str) -> Result<Image, String> {
    let (file, root) = TomlFile::parse("image.toml", text, MAX_BYTES).map_err(|f| f.to_string())?;
    Image::of_table(&file, root).map_err(|faults| faults.to_string())
}

const IMAGE: &str =
    "map = \"x\"\n[input]\n5 = [1, 2]\n7 = [3]\n[holding]\n65534 = [0xbc55, 9]\n[points]\np = 1.0\n";

#[test]
fn both_tables_are_read_and_one_is_written() {
    let mut image = parse(IMAGE).unwrap();
    assert_eq!(image.read_input(5, 3), Ok(vec![1, 2, 3]), "over the border of two lines");
    assert_eq!(image.read_input(6, 3), Err(Exception::ADDRESS));
    assert_eq!(image.read_holding(65_534, 2), Ok(vec![0xBC55, 9]));
    assert_eq!(image.read_holding(65_535, 2), Err(Exception::ADDRESS));
    assert_eq!(image.write(65_534, &[1, 2]), Ok(()));
    assert_eq!(image.read_holding(65_534, 2), Ok(vec![1, 2]));
    assert_eq!(image.write(65_535, &[7, 7]), Err(Exception::ADDRESS));
    assert_eq!(image.read_holding(65_535, 1), Ok(vec![2]), "nothing is written by halves");
    let holding = parse("[holding]\n1 = [1]\n").unwrap();
    assert_eq!(holding.read_input(1, 1), Err(Exception::FUNCTION));
}

#[test]
fn what_is_wrong_with_an_image_is_said() {
    for (text, says) in [
        ("map = \"x\"\n", "an image needs registers"),
        ("[holding]\nx = [1]\n", "\"x\" is no register"),
        ("[holding]\n65535 = [1, 2]\n", "run past 65535"),
        ("[holding]\n1 = [1, 2]\n2 = [3]\n", "register 2 is there twice"),
        ("[holding]\n1 = [65536]\n", "65536"),
        ("[coils]\n1 = [1]\n[holding]\n1 = [1]\n", "coils"),
    ] {
        let why = parse(text).unwrap_err();
        assert!(why.contains(says), "{text}: {why}");
    }
}

#[test]
fn every_image_of_the_tests_can_be_served() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/register-images");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let image = Image::read(&path).unwrap_or_else(|faults| panic!("{}: {faults}", path.display()));
        assert!(image != Image::default());
        count += 1;
    }
    assert!(count >= 7);
}
