//! The fixed words mail programs put around old and forwarded text, in every language we met, lower case.

/// Words for "wrote", in lower case, as clients put them around an attribution.
#[rustfmt::skip]
pub(super) const WROTE: &[&str] = &[
    "wrote", "writes", "a écrit", "a ecrit", "schrieb", "geschrieben", "escribió", "escribio", "escribiu", "escreveu",
    "ha scritto", "scrive", "scritto", "schreef", "heeft het volgende geschreven", "geschreven", "napisał", "napisała",
    "napisal", "pisze", "пишет", "писал", "писала", "написал", "написала", "написав", "написала", "пише", "yazdı", "yazmış",
    "كتب", "كتبت", "نوشت", "نوشته", "כתב", "כתבה", "ने लिखा", "लिखा", "লিখেছেন", "লিখেছে", "menulis", "đã viết", "viết",
    "写道", "寫道", "書きました", "書き込みました", "작성", "썼습니다", "skrev", "skreiv", "napsal", "napísal", "έγραψε", "a scris", "เขียนว่า",
    "เขียน", "aliandika", "kirjoitti", "ezt írta", "írta", "wrote the following", "napisao", "je napisal", "написа",
    "parašė", "rakstīja", "kirjutas", "escrigué", "va escriure", "skrifaði",
];

/// Lines that announce a forwarded mail; compared after dashes and spaces at both ends are gone, lower case.
#[rustfmt::skip]
pub(super) const FORWARDED: &[&str] = &[
    "forwarded message", "begin forwarded message:", "forwarded by", "message transféré", "début du message transféré :",
    "début du message réexpédié :", "message transféré :", "weitergeleitete nachricht",
    "anfang der weitergeleiteten nachricht:", "mensaje reenviado", "inicio del mensaje reenviado:", "mensagem encaminhada",
    "mensagem reencaminhada", "início da mensagem encaminhada:", "início da mensagem reencaminhada:", "messaggio inoltrato",
    "inizio messaggio inoltrato:", "doorgestuurd bericht", "begin doorgestuurd bericht:", "wiadomość przekazana dalej",
    "przekazana wiadomość", "treść przekazanej wiadomości", "początek przekazywanej wiadomości:", "пересылаемое сообщение",
    "пересылаемое письмо", "перенаправленное сообщение", "начало переадресованного сообщения:", "пересланное сообщение",
    "переслане повідомлення", "переадресоване повідомлення", "початок листа, що пересилається:", "iletilmiş mesaj",
    "yönlendirilmiş mesaj", "yönlendirilen ileti", "iletilen ileti", "iletilen e-postanın başlangıcı:", "رسالة معاد توجيهها",
    "الرسالة المعاد توجيهها", "بدء الرسالة المعاد توجيهها:", "پیام بازارسال‌شده", "پیام ارسال شده", "הודעה שהועברה",
    "תחילת ההודעה שהועברה:", "अग्रेषित संदेश", "अग्रेषित संदेश शुरू:", "ফরোয়ার্ড করা বার্তা", "ফরওয়ার্ড করা বার্তা",
    "pesan terusan", "pesan yang diteruskan", "mulai pesan yang diteruskan:", "tin nhắn được chuyển tiếp",
    "thư đã chuyển tiếp", "bắt đầu thư được chuyển tiếp:", "转发的邮件", "转发的消息", "下面是被转发的邮件：", "开始转发的邮件：", "轉寄的郵件", "轉寄訊息",
    "轉寄郵件", "以下是轉寄的郵件：", "開始轉寄郵件：", "転送メッセージ", "転送されたメッセージ：", "転送されたメッセージ", "전달된 메시지", "전달된 메시지 시작:", "전달된 메일",
    "vidarebefordrat meddelande", "vidarebefordrat brev:", "přeposlaná zpráva", "předaná zpráva",
    "začátek přeposlané zprávy:", "preposlaná správa", "προωθημένο μήνυμα", "αρχή προωθημένου μηνύματος:",
    "mesaj redirecționat", "mesaj redirecţionat", "începutul mesajului redirecționat:", "ข้อความที่ส่งต่อ",
    "เริ่มข้อความที่ส่งต่อ:", "ujumbe uliosambazwa", "videresendt meddelelse", "videresendt besked", "videresendt melding",
    "start på videresendt besked:", "välitetty viesti", "edelleenlähetetty viesti", "välitetty viesti alkaa:",
    "továbbított üzenet", "továbbított levél", "препратено съобщение", "proslijeđena poruka", "прослеђена порука",
    "missatge reenviat", "posredovano sporočilo", "persiųstas laiškas", "pārsūtīta ziņa", "edastatud kiri",
    "mesej yang dikirim semula",
];

/// Lines that announce the mail answered, or (Outlook) the mail forwarded: `-----Original Message-----`. Treated as [`FORWARDED`] is.
#[rustfmt::skip]
pub(super) const ORIGINAL: &[&str] = &[
    "original message", "original appointment", "message d'origine", "message d’origine", "message original",
    "ursprüngliche nachricht", "originalnachricht", "original-nachricht", "mensaje original", "mensagem original",
    "messaggio originale", "messaggio originario", "oorspronkelijk bericht", "origineel bericht", "wiadomość oryginalna",
    "oryginalna wiadomość", "wiadomość pierwotna", "исходное сообщение", "оригинальное сообщение", "початкове повідомлення",
    "оригінальне повідомлення", "вихідне повідомлення", "özgün ileti", "orijinal mesaj", "orijinal ileti", "الرسالة الأصلية",
    "رسالة أصلية", "پیام اصلی", "הודעה מקורית", "मूल संदेश", "মূল বার্তা", "pesan asli", "tin nhắn gốc", "thư gốc", "原始邮件",
    "原始郵件", "原邮件", "元のメッセージ", "원본 메시지", "원본 메일", "원래 메시지", "ursprungligt meddelande", "originalmeddelande", "původní zpráva",
    "pôvodná správa", "αρχικό μήνυμα", "mesaj original", "mesajul original", "ข้อความต้นฉบับ", "ข้อความเดิม", "ujumbe asili",
    "ujumbe halisi", "oprindelig meddelelse", "original meddelelse", "opprinnelig melding", "alkuperäinen viesti",
    "eredeti üzenet", "оригинално съобщение", "izvorna poruka", "missatge original", "izvirno sporočilo",
];

/// Names of the header lines of an Outlook block: From, Sent or Date, To, Subject, Cc, in that order; lower case.
#[rustfmt::skip]
pub(super) const BLOCK: [&[&str]; 5] = [
    &[
        "from", "de", "von", "da", "van", "od", "от", "від", "kimden", "gönderen", "من", "از", "מאת", "प्रेषक", "से", "থেকে",
        "প্রেরক", "dari", "từ", "发件人", "寄件者", "寄件人", "差出人", "送信元", "보낸 사람", "보낸사람", "발신", "från", "fra", "από", "de la",
        "จาก", "kutoka", "kutoka kwa", "lähettäjä", "feladó", "expéditeur", "mittente", "remitente",
    ],
    &[
        "sent", "date", "envoyé", "gesendet", "datum", "enviado", "enviado el", "enviada em", "enviado em", "fecha", "data",
        "inviato", "verzonden", "wysłano", "wysłane", "отправлено", "дата", "надіслано", "gönderildi", "gönderilme tarihi",
        "tarih", "تم الإرسال", "أُرسلت", "التاريخ", "تاريخ الإرسال", "ارسال شده", "تاریخ", "ارسال", "נשלח", "תאריך",
        "दिनांक", "भेजा गया", "তারিখ", "পাঠানো হয়েছে", "dikirim", "terkirim", "tanggal", "đã gửi", "gửi", "ngày", "发送时间",
        "发送日期", "日期", "寄件日期", "傳送時間", "已傳送", "送信日時", "日付", "送信日", "보낸 날짜", "날짜", "보냄", "skickat", "odesláno", "odoslané",
        "στάλθηκε", "ημερομηνία", "trimis", "dată", "ส่ง", "ส่งเมื่อ", "วันที่", "imetumwa", "tarehe", "sendt", "dato",
        "lähetetty", "päivämäärä", "elküldve", "dátum", "изпратено",
    ],
    &[
        "to", "à", "a", "an", "para", "aan", "do", "dla", "komu", "кому", "до", "kime", "alıcı", "إلى", "به", "אל", "प्रति",
        "को", "প্রাপক", "প্রতি", "kepada", "untuk", "tới", "đến", "收件人", "收件者", "宛先", "받는 사람", "받는사람", "수신", "till", "pro",
        "προς", "către", "catre", "ถึง", "kwa", "til", "vastaanottaja", "címzett", "destinataire",
    ],
    &[
        "subject", "objet", "betreff", "asunto", "assunto", "oggetto", "onderwerp", "temat", "тема", "konu", "الموضوع",
        "موضوع", "נושא", "विषय", "বিষয়", "subjek", "perihal", "subyek", "chủ đề", "tiêu đề", "主题", "主旨", "主題", "件名", "제목",
        "ämne", "předmět", "predmet", "θέμα", "subiect", "เรื่อง", "หัวเรื่อง", "mada", "emne", "aihe", "tárgy", "относно",
        "assumpte",
    ],
    &[
        "cc", "cc.", "kopie", "копия", "копія", "dw", "kopi", "kopia", "مخفي", "عناية", "抄送", "副本", "참조", "bilgi", "עותק",
        "reply-to", "importance", "attachments",
    ],
];

/// Beginnings of the line a telephone or mail program adds, lower case.
#[rustfmt::skip]
pub(super) const SENT_FROM: &[&str] = &[
    "sent from", "sent via", "sent by", "sent with", "get outlook for", "envoyé de", "envoyé depuis", "envoyé à partir",
    "von meinem", "gesendet von", "gesendet mit", "diese nachricht wurde von meinem", "enviado desde", "enviado do",
    "enviado a partir", "enviada do", "inviato da", "verstuurd vanaf", "verzonden vanaf", "verzonden met", "wysłane z",
    "wysłano z", "отправлено с", "отправлено из", "надіслано з", "отправлено от", "gönderildi", "iphone'umdan gönderildi",
    "أرسلت من", "أُرسلت من", "مرسل من", "ارسال شده از", "ارسال‌شده از", "נשלח מ", "मेरे", "আমার", "dikirim dari", "gửi từ",
    "được gửi từ", "发自", "從我的", "从我的", "傳自", "iphoneから送信", "ipadから送信", "androidから送信", "내", "나의", "skickat från", "sendt fra",
    "odesláno z", "odoslané z", "στάλθηκε από", "εστάλη από", "trimis de pe", "trimis din", "ส่งจาก", "imetumwa kutoka",
    "lähetetty", "iphone-ról küldve", "elküldve", "outlook für ios beziehen", "obtenir outlook", "obtener outlook",
];
