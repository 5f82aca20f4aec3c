//! Measures [`super::detect`] on sentences a reporter might write; all invented.

#![allow(clippy::print_stderr, reason = "the measured figures are what the test is run for")]

use super::detect;

/// Three to four short sentences in each language the answers are written in.
#[rustfmt::skip]
const SENTENCES: &[(&str, &[&str])] = &[
    ("en", &["A user says he will hurt himself tonight.", "Please help, somebody threatened me on my talk page.", "There is a threat against a school in this article.", "They published my home address without asking."]),
    ("fr", &["Un utilisateur dit qu'il va se suicider ce soir.", "Aidez-moi, quelqu'un menace de me tuer.", "Il y a une menace contre une école.", "Mon adresse a été publiée sur cette page."]),
    ("de", &["Ein Benutzer schreibt, dass er sich heute umbringt.", "Bitte helfen Sie mir, ich werde bedroht.", "Jemand hat meine Adresse veröffentlicht.", "Auf dieser Seite steht eine Bombendrohung."]),
    ("es", &["Un usuario dice que se va a matar esta noche.", "Por favor ayuda, alguien me amenaza de muerte.", "Publicaron mi dirección en esta página.", "Hay una amenaza contra una escuela."]),
    ("pt", &["Um usuário diz que vai se matar hoje à noite.", "Por favor, me ajudem, estou sendo ameaçado.", "Publicaram o meu endereço nesta página.", "Há uma ameaça contra uma escola."]),
    ("it", &["Un utente dice che vuole uccidersi stasera.", "Aiuto, qualcuno mi ha minacciato di morte.", "Hanno pubblicato il mio indirizzo di casa.", "C'è una minaccia contro una scuola."]),
    ("nl", &["Een gebruiker zegt dat hij zichzelf iets aandoet.", "Help mij alstublieft, iemand bedreigt mij.", "Mijn adres staat op deze pagina.", "Er is een dreiging tegen een school."]),
    ("pl", &["Użytkownik pisze, że chce się zabić.", "Proszę o pomoc, ktoś mi grozi śmiercią.", "Opublikowano mój adres domowy na tej stronie.", "To jest groźba wobec szkoły."]),
    ("ru", &["Пользователь пишет, что убьёт себя сегодня.", "Помогите, мне угрожают убийством.", "На этой странице опубликован мой адрес.", "Это угроза взорвать школу."]),
    ("uk", &["Користувач пише, що хоче вбити себе.", "Допоможіть, мені погрожують смертю.", "На цій сторінці опублікували мою адресу.", "Це погроза підірвати школу."]),
    ("tr", &["Bir kullanıcı bu gece intihar edeceğini yazıyor.", "Lütfen yardım edin, beni tehdit ediyorlar.", "Ev adresim bu sayfada yayınlandı.", "Okula yönelik bir bomba tehdidi var."]),
    ("ar", &["مستخدم يقول إنه سيقتل نفسه الليلة", "أرجو المساعدة، شخص يهددني بالقتل", "نشروا عنوان منزلي في هذه الصفحة", "هناك تهديد ضد مدرسة"]),
    ("fa", &["کاربری نوشته که امشب خودش را می‌کشد", "لطفا کمک کنید، مرا تهدید به قتل کرده‌اند", "آدرس خانه من در این صفحه منتشر شده است", "یک نفر مدرسه را تهدید کرده"]),
    ("he", &["משתמש כותב שהוא יהרוג את עצמו הלילה", "בבקשה עזרו לי, מאיימים עליי", "הכתובת שלי פורסמה בדף הזה"]),
    ("hi", &["एक उपयोगकर्ता आज रात आत्महत्या की बात कर रहा है", "कृपया मदद करें, मुझे धमकी मिली है", "मेरा पता इस पृष्ठ पर प्रकाशित किया गया"]),
    ("bn", &["একজন ব্যবহারকারী আজ রাতে আত্মহত্যা করবে বলেছে", "দয়া করে সাহায্য করুন, আমাকে হুমকি দিচ্ছে", "আমার ঠিকানা এই পাতায় প্রকাশ করা হয়েছে"]),
    ("id", &["Seorang pengguna berkata akan bunuh diri malam ini.", "Tolong bantu, saya diancam akan dibunuh.", "Alamat rumah saya dipublikasikan di halaman ini.", "Ada ancaman terhadap sebuah sekolah."]),
    ("vi", &["Một người dùng nói sẽ tự tử tối nay.", "Xin hãy giúp tôi, có người dọa giết tôi.", "Địa chỉ nhà tôi bị đăng trên trang này."]),
    ("zh", &["有用户说今晚要自杀", "請幫助我，有人威脅要殺我", "我的家庭住址被公布在这个页面上"]),
    ("ja", &["利用者が今夜自殺すると書いています", "助けてください、殺すと脅されています", "私の住所がこのページに公開されました"]),
    ("ko", &["어떤 사용자가 오늘 밤 자살하겠다고 합니다", "도와주세요, 누가 저를 협박하고 있어요", "제 집 주소가 이 문서에 공개되었습니다"]),
    ("sv", &["En användare skriver att han ska ta sitt liv.", "Snälla hjälp mig, någon hotar att döda mig.", "Min adress har publicerats på den här sidan.", "Det finns ett hot mot en skola."]),
    ("cs", &["Uživatel píše, že se dnes večer zabije.", "Prosím o pomoc, někdo mi vyhrožuje smrtí.", "Na této stránce zveřejnili mou adresu.", "Je to výhrůžka škole."]),
    ("el", &["Ένας χρήστης λέει ότι θα αυτοκτονήσει απόψε", "Βοηθήστε με, με απειλούν", "Η διεύθυνσή μου δημοσιεύτηκε εδώ"]),
    ("ro", &["Un utilizator spune că se va sinucide în seara asta.", "Vă rog ajutați-mă, cineva mă amenință cu moartea.", "Adresa mea a fost publicată pe această pagină.", "Este o amenințare la adresa unei școli."]),
    ("th", &["ผู้ใช้บอกว่าจะฆ่าตัวตายคืนนี้", "ช่วยด้วย มีคนขู่ฆ่าฉัน", "ที่อยู่ของฉันถูกเผยแพร่ในหน้านี้"]),
    ("sw", &["Mtumiaji anasema atajiua usiku huu.", "Tafadhali nisaidie, mtu anatishia kuniua.", "Anwani yangu ya nyumbani imechapishwa hapa.", "Kuna tishio dhidi ya shule yetu."]),
];

#[test]
fn short_reports_in_every_answer_language_are_recognised() {
    let (mut right, mut wrong, mut total) = (0, 0, 0);
    for (code, sentences) in SENTENCES {
        assert!(sentences.len() >= 3, "{code}");
        for sentence in *sentences {
            total += 1;
            match detect(sentence, None) {
                Some(found) if found == *code => right += 1,
                found => {
                    wrong += usize::from(found.is_some());
                    eprintln!("{code} read as {found:?}: {sentence}");
                }
            }
        }
    }
    eprintln!("language: {right}/{total} right, {wrong} wrong, the rest unknown");
    assert_eq!(SENTENCES.len(), 27);
    assert!(right * 100 >= total * 95, "{right} of {total}");
    assert!(wrong * 100 <= total * 3, "{wrong} of {total} read as another language");
}

#[test]
fn a_text_without_words_is_of_no_language() {
    for text in [
        "",
        "12345 67890",
        "https://example.org/wiki/Help_me_please",
        "🙏😭🔥 !!!",
        "someone@example.org",
        "> Bonjour, je suis là\n> et toi",
        "... --- ...",
    ] {
        assert_eq!(detect(text, None), None, "{text:?}");
        assert_eq!(detect(text, Some("fr")), None, "{text:?}: a hint is no text");
    }
}

#[test]
fn one_loan_word_is_no_evidence() {
    for text in ["ok", "help", "Test", "SOS", "Wikipedia", "Re: info"] {
        assert_eq!(detect(text, None), None, "{text:?}");
    }
}

#[test]
fn the_hint_only_breaks_a_tie() {
    assert_eq!(detect("Please help me, he is going to kill himself.", Some("fr")).as_deref(), Some("en"));
    assert_eq!(detect("Han er her", Some("da-DK")).as_deref(), Some("da"));
    assert_eq!(detect("Han er her", Some("no")).as_deref(), Some("no"));
}

#[test]
fn a_foreign_name_or_link_does_not_change_the_language() {
    assert_eq!(
        detect("The user Владимир wrote this on https://ru.example.org/wiki/Обсуждение and I am afraid.", None).as_deref(),
        Some("en")
    );
    assert_eq!(detect("Wikipedia のユーザー JohnSmith1990 が脅迫しています", None).as_deref(), Some("ja"));
}

#[test]
fn a_huge_text_is_read_in_no_time() {
    let text = "please help me with this ".repeat(400_000);
    assert_eq!(detect(&text, None).as_deref(), Some("en"));
    assert_eq!(detect(&"x".repeat(5_000_000), None), None);
}

/// Sentences of other people, in nine of the languages: what is told must be right, "unknown" is allowed.
#[test]
fn what_is_told_of_foreign_sentences_is_hardly_ever_wrong() {
    let root = std::env::var_os("TRIAGED_SHARED").map_or_else(|| "../shared".into(), std::path::PathBuf::from);
    let path = root.join("data/hatecheck.jsonl");
    let Ok(data) = std::fs::read_to_string(&path) else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is absent", path.display());
        eprintln!("SKIPPED: {} is absent (set TRIAGED_SHARED)", path.display());
        return;
    };
    let (mut right, mut wrong, mut total) = (0, 0, 0);
    for line in data.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        let (language, text) = (entry["lang"].as_str().unwrap(), entry["text"].as_str().unwrap());
        // Hindi stands in this set in Latin letters only.
        if language == "hi" {
            continue;
        }
        total += 1;
        match detect(text, None) {
            Some(found) if found == language => right += 1,
            Some(_) => wrong += 1,
            None => {}
        }
    }
    eprintln!("foreign sentences: {right}/{total} right, {wrong} wrong");
    assert!(total > 5_000 && right * 100 >= total * 88 && wrong * 500 <= total, "{right} right, {wrong} wrong of {total}");
}
