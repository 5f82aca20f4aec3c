//! What [`super`] weighs: the commonest little words of each language, letters few languages use, and script to language.

use unicode_script::Script;
use whatlang::Lang;

/// Scripts that one language (of those we know) is written in.
pub(super) const SCRIPTS: &[(Script, &str)] = &[
    (Script::Hiragana, "ja"),
    (Script::Han, "zh"),
    (Script::Hangul, "ko"),
    (Script::Thai, "th"),
    (Script::Greek, "el"),
    (Script::Hebrew, "he"),
    (Script::Armenian, "hy"),
    (Script::Georgian, "ka"),
    (Script::Bengali, "bn"),
    (Script::Tamil, "ta"),
    (Script::Telugu, "te"),
    (Script::Gujarati, "gu"),
    (Script::Gurmukhi, "pa"),
    (Script::Kannada, "kn"),
    (Script::Malayalam, "ml"),
    (Script::Sinhala, "si"),
    (Script::Khmer, "km"),
    (Script::Lao, "lo"),
    (Script::Myanmar, "my"),
    (Script::Ethiopic, "am"),
];

/// whatlang's languages that we let it choose from; it knows neither Swahili nor Malay.
pub(super) const WHATLANG: &[(Lang, &str)] = &[
    (Lang::Eng, "en"),
    (Lang::Fra, "fr"),
    (Lang::Deu, "de"),
    (Lang::Spa, "es"),
    (Lang::Por, "pt"),
    (Lang::Ita, "it"),
    (Lang::Nld, "nl"),
    (Lang::Pol, "pl"),
    (Lang::Rus, "ru"),
    (Lang::Ukr, "uk"),
    (Lang::Bul, "bg"),
    (Lang::Bel, "be"),
    (Lang::Srp, "sr"),
    (Lang::Mkd, "mk"),
    (Lang::Tur, "tr"),
    (Lang::Ara, "ar"),
    (Lang::Pes, "fa"),
    (Lang::Urd, "ur"),
    (Lang::Hin, "hi"),
    (Lang::Mar, "mr"),
    (Lang::Nep, "ne"),
    (Lang::Ind, "id"),
    (Lang::Vie, "vi"),
    (Lang::Swe, "sv"),
    (Lang::Dan, "da"),
    (Lang::Nob, "no"),
    (Lang::Fin, "fi"),
    (Lang::Ces, "cs"),
    (Lang::Slk, "sk"),
    (Lang::Slv, "sl"),
    (Lang::Hrv, "hr"),
    (Lang::Ron, "ro"),
    (Lang::Hun, "hu"),
    (Lang::Cat, "ca"),
    (Lang::Lit, "lt"),
    (Lang::Lav, "lv"),
    (Lang::Est, "et"),
    (Lang::Tgl, "tl"),
    (Lang::Afr, "af"),
    (Lang::Aze, "az"),
];

/// Letters that speak for the languages named.
#[rustfmt::skip]
pub(super) const LATIN_LETTERS: &[(char, &str)] = &[
    ('ß', "de"), ('ł', "pl"), ('ą', "pl lt"), ('ę', "pl lt"), ('ż', "pl"), ('ź', "pl"), ('ś', "pl"), ('ń', "pl"),
    ('ř', "cs"), ('ě', "cs"), ('ů', "cs"), ('ľ', "sk"), ('ĺ', "sk"), ('ñ', "es"), ('¿', "es"), ('ã', "pt vi"), ('õ', "pt et"),
    ('ğ', "tr az"), ('ı', "tr az"), ('ş', "tr az"), ('ə', "az"), ('ș', "ro"), ('ț', "ro"), ('ţ', "ro"), ('ă', "ro vi"),
    ('đ', "vi hr"), ('ơ', "vi"), ('ư', "vi"), ('ạ', "vi"), ('ả', "vi"), ('ế', "vi"), ('ộ', "vi"), ('ợ', "vi"), ('ệ', "vi"), ('ọ', "vi"), ('ị', "vi"),
    ('ấ', "vi"), ('ầ', "vi"), ('ề', "vi"), ('ố', "vi"), ('ờ', "vi"), ('ủ', "vi"), ('ậ', "vi"), ('ø', "da no"), ('æ', "da no"), ('å', "sv da no"),
    ('ő', "hu"), ('ű', "hu"), ('ė', "lt"), ('ų', "lt"), ('ģ', "lv"), ('ķ', "lv"), ('ļ', "lv"), ('ņ', "lv"), ('ā', "lv"), ('ē', "lv"), ('ī', "lv"),
    ('ć', "hr pl"), ('ê', "fr pt vi"), ('û', "fr"), ('œ', "fr"), ('è', "fr it ca"), ('ù', "fr it"), ('ò', "it ca vi"), ('ä', "de sv fi et"), ('ö', "de sv fi tr hu"),
];

/// See [`LATIN_LETTERS`].
#[rustfmt::skip]
pub(super) const CYRILLIC_LETTERS: &[(char, &str)] = &[
    ('і', "uk be"), ('ї', "uk"), ('є', "uk"), ('ґ', "uk"), ('ў', "be"), ('ы', "ru be"), ('э', "ru be"), ('ё', "ru be"),
    ('ъ', "bg"), ('ј', "sr mk"), ('љ', "sr mk"), ('њ', "sr mk"), ('ђ', "sr"), ('ћ', "sr"), ('ѓ', "mk"), ('ќ', "mk"), ('ѕ', "mk"),
];

/// Urdu, Persian and Arabic write the same letters differently.
#[rustfmt::skip]
pub(super) const ARABIC_LETTERS: &[(char, &str)] = &[
    ('پ', "fa ur"), ('چ', "fa ur"), ('ژ', "fa"), ('گ', "fa ur"), ('ک', "fa ur"), ('ی', "fa ur"), ('ٹ', "ur"), ('ڈ', "ur"),
    ('ڑ', "ur"), ('ں', "ur"), ('ے', "ur"), ('ہ', "ur"), ('ھ', "ur"), ('ة', "ar"), ('ى', "ar"), ('ي', "ar"), ('ك', "ar"), ('إ', "ar"), ('أ', "ar"),
    ('ؤ', "ar"), ('\u{200c}', "fa"),
];

/// Common words by language, Latin script. With the words a reporter begins with, for the shortest mails.
#[rustfmt::skip]
pub(super) const LATIN: &[(&str, &str)] = &[
    ("en", "threat threatened threatens threatening against himself herself himself kill suicide school address person guy anyone think know need see the and is are was were of to in that it you i he she they we this have has had not be been for with on at by from my your his her their our will would can could there what who when where how why do does did don't doesn't didn't can't i'm he's she's it's please me him them us if or an as so about which someone somebody says said wants want going because am but just people again now out"),
    ("fr", "menace menacé menacée menaces contre tuer suicider école adresse personne page publié cet cette quelqu'un écrit utilisateur nom suis le la les de des du un une et est sont à au aux je tu il elle nous vous ils elles ne pas que qui dans sur pour avec ce cette ces mon ma mes son sa ses votre vos notre nos a ai été être avoir s'il plaît plus mais ou où par on se leur j'ai c'est m'a il y très fait veut quelqu'un bonjour d'un d'une l'article aidez merci comme tout cet me te si"),
    ("de", "benutzer schreibt schrieb drohung bedroht umbringen töten selbstmord schule adresse seite heute jemanden gegen hilfe helfen geschrieben dort der die das und ist sind ein eine einen einem einer nicht ich du er sie es wir ihr mich mir dich dir ihn ihm uns euch zu von mit auf für im in den dem des hat habe haben hatte wird werden wurde war sich auch an bei nach aus wie wenn dass oder aber bitte kein keine mein meine meinen sein seine ihre noch nur schon jemand etwas über will kann diese dieser dieses zum zur bin"),
    ("es", "hay contra amenaza amenazó amenazado amenazas matar suicidarse escuela dirección persona página publicaron escribió esa ese nadie sé hacer entre sin el la los las de del un una y es son que en no se por para con su sus mi mis yo tú él ella nosotros ustedes me te le lo les ha he han hay está están esta este esto estos pero como más muy a al o si alguien quiere favor ayuda hola gracias desde sobre cuando porque también usuario fue ser tiene estoy nos dice ayúdenme"),
    ("pt", "nesta neste contra ameaça ameaçado ameaçada ameaçou matar suicidar escola endereço pessoa página publicaram disse essa esse ninguém fazer sem entre à hoje noite o a os as de do da dos das um uma e é são que em no na nos nas não se por para com seu sua seus suas meu minha eu tu ele ela nós você vocês me te lhe foi há está estão este esta isto isso mas como mais muito ao à ou alguém quer favor ajuda olá obrigado obrigada ajudem sobre quando porque também tem ser estou pelo pela já usuário vai"),
    ("it", "c'è contro minaccia minacciato minacciata uccidere uccidersi scuola indirizzo persona pagina scritto questi stasera oggi dell'utente l'utente il lo la i gli le di del della dei delle un una uno e è sono che in non si per con su suo sua mio mia miei io tu lui lei noi voi mi ti ci vi ha ho hanno questo questa questi ma come più molto al alla o se qualcuno vuole favore aiuto ciao grazie nel nella sul sulla dal dalla quando perché anche da stato essere sto utente dice alle ai mie sue"),
    ("nl", "gebruiker schrijft bedreigt bedreiging bedreigd zelfmoord vermoorden school adres pagina vandaag tegen zegt staat hulp hier zelf de het een en is zijn van in dat die niet ik je jij hij zij ze we wij jullie mij me hem haar ons te met op voor aan er ook maar om bij uit naar door over heeft heb hebben had wordt worden was deze dit mijn zijn uw jouw hun geen nog al als of wat wie waar kan wil iemand alstublieft help hulp graag meer gaat moet dan zich mensen"),
    ("pl", "tej groźba grozić grożą zabić szkoły adres strona stronie osoba pisze napisał użytkownik dzisiaj jestem przeciwko nas was go i w na z do się nie jest są to że o a od po za przez dla mnie mi mój moja moje twój jego jej ich ja ty on ona my oni co kto jak gdy czy ale lub oraz był była było być mam ma tak tego tym te ten ta już tylko ktoś proszę pomoc pomocy pomóżcie dzień dobry chce grozi przy ze bardzo mojej moim sobie może"),
    ("tr", "yönelik tehdit tehdidi ediyorlar ediliyor öldürmek öldüreceğim intihar okula adres adresim sayfada yazıyor yazmış bugün gece bunu tarafından olan ve bir bu da de için ile çok ben sen o biz siz onlar beni bana seni sana onu ona bizi benim senin onun var yok değil ne mi mı mu mü ama gibi daha olarak olan kadar sonra şu her en lütfen yardım edin merhaba ediyor etti diye birisi biri kullanıcı ki istiyorum istiyor hakkında oldu olduğunu neden nasıl şey kendini kendisini edeceğini"),
    ("id", "ancaman terhadap diancam membunuh dibunuh bunuh diri sekolah alamat rumah malam sini yang dan di ini itu ke dari untuk dengan tidak adalah saya kamu anda dia kami kita mereka akan ada pada oleh juga karena sudah telah bisa dapat seseorang tolong bantu mohon bantuan orang atau tetapi tapi jika ketika dalam sebagai lebih sangat ingin mau bahwa seorang para apa siapa bagaimana mengancam pengguna lagi sedang harus halaman nya jangan"),
    ("vi", "đe dọa dọa giết tự tử địa chỉ trang đêm nay và là của có không tôi bạn anh chị em nó chúng họ một các những này đó cho với trong ở từ đến được bị đã đang sẽ rất để khi nếu nhưng hay hoặc người ai gì xin hãy giúp làm ơn muốn nói trên về ra vào cũng như mình ông bà mà thì phải"),
    ("cs", "dnes píše večer zabije zabít hrozba vyhrožuje škola adresa stránce uživatel napsal napsala bude budou ještě a je jsou v na se že to z do s o k za po pro od ve by byl byla bylo být mám má jsem jste jsi já ty on ona my vy oni mě mi mně můj moje tvůj jeho její jejich ne není co kdo jak když ale nebo i také už jen někdo prosím pomoc pomozte dobrý den který která které tento tato mu ho si tak chce aby vám nám mého"),
    ("ro", "amenințare amenință amenințat omoare sinucide sinucidere școală școli adresa pagină utilizator scrie seara astăzi împotriva fără această și si este sunt în in de la cu pe un o că nu să se a al ale lui ei eu tu el ea noi voi mă mi îmi te îți îl ne vă am ai are au fost fi din pentru care ce cine cum când dar sau mai foarte cineva rog ajutor ajutați bună ziua acest această acesta despre vrea meu mea mei lor prin după spune"),
    ("sw", "na ya wa kwa ni la za katika kuwa hii hiyo huyu huyo yangu yako yake wangu wako wake mimi wewe yeye sisi ninyi wao nina ana una wana kuna si sio hapana ndiyo lakini au kama sana tafadhali msaada nisaidie nisaidieni saidia mtu watu kila leo jana kesho anataka nataka anasema amesema hujambo habari asante cha vya mtumiaji kuhusu baada kabla pia hapa huko mtandaoni ananitishia anatishia kuua kujiua ambaye ambayo yupo sasa usiku rafiki"),
    ("sv", "finns mot hot hotar döda självmord skola adress sidan användare skriver idag ikväll ingen sådan ta och är det att en ett som i på av för med den till inte jag du han hon vi ni de mig dig honom henne oss er har hade var vara blir blev kan ska skall vill om men eller så när hur vad vem där här från min mitt mina din hans hennes deras sig också bara någon något snälla hjälp hej tack mycket mer efter denna detta säger"),
    ("da", "og er det at en et som i på af for med den til ikke jeg du han hun vi i de mig dig ham hende os jer har havde var være bliver blev kan skal vil om men eller så når hvordan hvad hvem hvor her fra min mit mine din hans hendes deres sig også kun nogen noget hjælp hej tak meget mere efter denne dette siger venligst"),
    ("no", "og er det at en et som i på av for med den til ikke jeg du han hun vi dere de meg deg ham henne oss har hadde var være blir ble kan skal vil om men eller så når hvordan hva hvem hvor her fra min mitt mine din hans hennes deres seg også bare noen noe hjelp hei takk mye mer etter denne dette sier vennligst"),
    ("fi", "ja on ei että hän minä sinä me te he se ne tämä tuo joka mikä kuka mitä missä milloin miksi ovat oli olla olen olet minun sinun hänen minua sinua häntä minulle hänelle mutta tai kun jos niin myös vain joku jotain apua auttakaa hei kiitos ole en et eivät kuin sitten nyt haluaa uhkaa sivulla käyttäjä"),
    ("hu", "a az és hogy nem is egy van volt ez azt meg csak de ha én te ő mi ti ők engem téged őt nekem neki minket el ki be fel mert mint már még vagy lesz lenni kell valaki kérem segítség segítsen segítsenek köszönöm jó napot aki ami akar magát felhasználó ezt ezen kérek"),
    ("hr", "i je su u na se da ne za od do s sa o a ali ili koji koja koje što tko kako kada gdje sam si smo ste bio bila bilo biti ja ti on ona mi vi oni me mi te ga mu joj nas vas njih moj moja moje netko neko nešto molim pomoć pomozite dobar dan hvala želi prijeti ovo taj to nije nisu"),
    ("sk", "a je sú v na sa že to z do s o k za po pre od vo by bol bola bolo byť mám má som ste si ja ty on ona my vy oni ma mi mňa môj moja moje tvoj jeho jej ich nie co čo kto ako keď ale alebo aj tiež už len niekto prosím pomoc pomôžte dobrý deň ktorý ktorá ktoré tento táto mu ho chce aby vám nám"),
    ("sl", "in je so v na se da ne za od do z s o a ali ki kdo kaj kako ko kje sem si smo ste bil bila bilo biti jaz ti on ona mi vi oni me mi te ga mu jo nas vas jih moj moja moje nekdo nekaj prosim pomoč pomagajte dober dan hvala hoče grozi to ta ni niso"),
    ("ca", "el la els les de del dels un una i és són que en no es per amb seu seva meu meva jo tu ell ella nosaltres vosaltres em et li ho ha he han hi està estan aquest aquesta això però com més molt al als o si algú vol favor ajuda hola gràcies des sobre quan perquè també"),
    ("lt", "ir yra kad ne su į iš už po prie ar bet aš tu jis ji mes jūs jie man mane tau jam jai mano tavo jo jos jų buvo būti kas kaip kur kai tai šis ši kažkas prašau pagalba padėkite labas ačiū nori nėra labai tik"),
    ("lv", "un ir ka ne ar no uz par pie vai bet es tu viņš viņa mēs jūs viņi man mani tev viņam mans tavs bija būt kas kā kur kad tas šis šī kāds lūdzu palīdzība palīdziet labdien paldies grib nav ļoti tikai"),
    ("et", "ja on ei et ta ma sa me te nad see seda kes mis kus kui kuidas oli olla olen oled minu sinu tema mind sind teda mulle talle aga või siis ka ainult keegi midagi palun abi aidake tere tänan tahab pole väga"),
    ("tl", "ang ng mga sa na ay at si ako ikaw siya kami tayo kayo sila ko mo niya ito iyan iyon hindi wala may mayroon po opo para kung pero dahil kasi din rin lang naman gusto tulong tulungan pakiusap salamat isang tao sino ano paano saan kanyang aking"),
    ("af", "die en is nie 'n van in het dat ek jy hy sy ons julle hulle my jou hom haar te met op vir aan ook maar om by uit na deur oor word was hierdie dit geen nog as of wat wie waar kan wil iemand asseblief help hulp sal gaan"),
    ("az", "və bir bu da də üçün ilə çox mən sən o biz siz onlar məni mənə səni sənə onu ona var yox deyil nə amma kimi daha olan sonra hər ən zəhmət kömək edin salam kimsə istəyir haqqında"),
];

/// Common words by language, Cyrillic script.
#[rustfmt::skip]
pub(super) const CYRILLIC: &[(&str, &str)] = &[
    ("ru", "этой угроза угрожают угрозы убийством убить убийства школу школы адрес странице страница здесь сегодня напишите написал покончить будет будут надо нужно и в не на я что он она с как это по но они мы вы ты мне меня тебя его ее её их к у за из от для так же бы был была было быть есть если или то все всё уже только когда кто где очень пожалуйста помогите помощь здравствуйте спасибо хочет сказал пишет человек пользователь мой моя мои этот эта этого со о об угрожает мной себя себе чтобы который ему ей нас вас вам нам"),
    ("uk", "погроза погрози погрожують вбити вбивством самогубство школу адресу сторінці тут сьогодні написав будуть треба цій і в у не на я що він вона з як це та й але вони ми ви ти мені мене тебе його її їх до за із від для так же би був була було бути є якщо або то все вже тільки коли хто де дуже будь ласка допоможіть допомога допомогу добрий день дякую хоче сказав пише людина користувач мій моя мої цей ця цього зі про погрожує мною себе собі щоб який йому їй нас вас вам нам мого"),
    ("bg", "и в не на аз че той тя с как това по но те ние вие ти ми ме мен тебе го я ги към у за от до така би беше бил била бъде е са съм си се ако или то всичко вече само когато кой къде много моля помогнете помощ здравейте благодаря иска каза пише човек потребител моят моята този тази със ще да му им ни заплашва"),
    ("be", "і ў не на я што ён яна з як гэта па але яны мы вы ты мне мяне цябе яго яе іх да за ад для так жа быў была было быць ёсць калі або хто дзе вельмі калі ласка дапамажыце дапамога вітаю дзякуй хоча"),
    ("sr", "и у не на ја да он она с са како то по али они ми ви ти мени ме мене тебе га је су их за из од до тако би био била било бити сам си се ако или све већ само када кад ко где веома молим помозите помоћ здраво хвала жели каже пише човек мој моја овај ова што који неко нешто"),
    ("mk", "и во не на јас дека тој таа со како тоа по но тие ние вие ти ми ме мене тебе го ја ги кон за од до така би беше бил биде е се сум си ако или сите веќе само кога кој каде многу ве молам помогнете помош здраво благодарам сака ќе да"),
];

/// Common words by language, Arabic script.
#[rustfmt::skip]
pub(super) const ARABIC: &[(&str, &str)] = &[
    ("ar", "تهديد قتل قتلي انتحار مدرسة عنوان صفحة الصفحة اليوم الليلة كتب يقول ضد في من على إلى الى أن ان هذا هذه ذلك التي الذي لا ما هو هي أنا انا أنت نحن هم كان كانت قد لم لن مع عن كل بعد قبل يا أو او ثم إذا اذا لكن شخص يريد أريد اريد الرجاء أرجو ارجو مساعدة ساعدوني مرحبا شكرا السلام عليكم حول ليس هناك المستخدم بقتلي نفسه يهدد يهددني سوف وهو بأنه أنه لقد"),
    ("fa", "و در به از که این آن را با برای است هست بود شد شده می‌کند می نمی من تو او ما شما آنها ایشان هم یا اگر اما ولی تا بر یک هر کسی چه کجا چرا لطفا لطفاً کمک کنید سلام ممنون تشکر خود خودش دارد ندارد کرد کرده می‌خواهد مرا تهدید کاربر خواهد نیست بعد خیلی"),
    ("ur", "اور میں کے کی کا کو ہے ہیں سے نے پر یہ وہ جو ایک نہیں کہ تھا تھی ہو گا گی مجھے آپ ہم تم اس ان بھی تو ہی کر رہا رہی رہے کوئی براہ کرم مدد کریں السلام شکریہ لیے ساتھ اپنے میرے"),
];

/// Common words by language, Devanagari script.
#[rustfmt::skip]
pub(super) const DEVANAGARI: &[(&str, &str)] = &[
    ("hi", "है हैं में का की के को से ने पर और यह वह मैं मुझे मेरे मेरी मेरा हम आप तुम उसने उसे उसका नहीं कि जो एक था थी थे हो रहा रही रहे भी तो ही कर किया करें कृपया मदद कोई क्या लिए साथ अपने बहुत मार देने धमकी नमस्ते ये"),
    ("mr", "आहे आहेत मध्ये आणि हा ही हे तो ती ते मी मला माझे माझ्या आम्ही तुम्ही त्याने त्याला नाही की जो एक होता होती कृपया मदत कोणी काय साठी आपल्या खूप करा"),
    ("ne", "छ छन् मा को का की लाई ले र यो त्यो म मलाई मेरो हामी तपाईं उसले उसलाई छैन कि जो एक थियो हो पनि गर्नुहोस् कृपया मद्दत कोही के लागि साथ आफ्नो धेरै गर्छ"),
];
