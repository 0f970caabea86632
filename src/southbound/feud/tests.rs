use super::*;

#[tokio::test(start_paused = true)]
async fn it_is_put_back_three_times_a_minute() {
    let (mut feud, begun) = (Feud::default(), Instant::now());
    let after = |seconds| begun + Duration::from_secs(seconds);
    for second in [0, 1, 2] {
        assert!(feud.may_put_back(after(second)));
        feud.put_back(after(second));
    }
    assert!(!feud.may_put_back(after(59)));
    assert!(feud.may_put_back(after(60)), "the first is a minute ago");
}

#[tokio::test(start_paused = true)]
async fn it_is_relied_on_again_when_it_stood_for_a_minute() {
    let (mut feud, begun) = (Feud::default(), Instant::now());
    assert!(!feud.stands(begun), "nothing was wrong");
    feud.put_back(begun);
    assert!(feud.fails("why".to_owned()));
    assert!(!feud.fails("why".to_owned()), "that is known");
    assert!(!feud.stands(begun + Duration::from_secs(59)));
    assert_eq!(feud.amiss(), Some("why"));
    assert!(feud.stands(begun + WINDOW));
    assert_eq!(feud.amiss(), None);
    assert!(!feud.stands(begun + WINDOW), "told once");
}
