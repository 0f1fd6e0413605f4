/** What a person reads aloud for a recording, about ten seconds, in each language that voices can be made in. */
export const SENTENCES = {
  ar: "استيقظت هذا الصباح مبكرًا وفتحت النافذة. كان الهواء باردًا، وكانت المدينة هادئة. ثم أعددت القهوة وفكرت في ما سأفعله اليوم.",
  cs: "Dnes ráno jsem vstal brzy a otevřel okno. Vzduch byl chladný a město ještě tiché. Potom jsem si uvařil kávu a přemýšlel, co dnes budu dělat.",
  de: "Heute Morgen bin ich früh aufgestanden und habe das Fenster geöffnet. Die Luft war kühl, und die Stadt war noch still. Dann habe ich Kaffee gekocht und überlegt, was ich heute tun möchte.",
  en: "This morning I got up early and opened the window. The air was cool, and the town was still quiet. Then I made some coffee and thought about what I would like to do today.",
  es: "Esta mañana me levanté temprano y abrí la ventana. El aire era fresco y la ciudad todavía estaba tranquila. Después preparé café y pensé en lo que me gustaría hacer hoy.",
  fr: "Ce matin, je me suis levé tôt et j'ai ouvert la fenêtre. L'air était frais et la ville était encore calme. Ensuite, j'ai préparé du café en pensant à ce que je voudrais faire aujourd'hui.",
  hi: "आज सुबह मैं जल्दी उठा और खिड़की खोली। हवा ठंडी थी और शहर अभी शांत था। फिर मैंने कॉफ़ी बनाई और सोचा कि आज मैं क्या करना चाहता हूँ।",
  hu: "Ma reggel korán keltem, és kinyitottam az ablakot. A levegő hűvös volt, és a város még csendes. Aztán kávét főztem, és azon gondolkodtam, mit szeretnék ma csinálni.",
  it: "Stamattina mi sono alzato presto e ho aperto la finestra. L'aria era fresca e la città era ancora silenziosa. Poi ho preparato il caffè e ho pensato a cosa vorrei fare oggi.",
  ja: "今朝は早く起きて、窓を開けました。空気は涼しくて、町はまだ静かでした。それからコーヒーをいれて、今日は何をしようかと考えました。",
  ko: "오늘 아침에는 일찍 일어나서 창문을 열었습니다. 공기는 시원했고 도시는 아직 조용했습니다. 그다음 커피를 내리며 오늘 무엇을 하고 싶은지 생각했습니다.",
  nl: "Vanmorgen ben ik vroeg opgestaan en heb ik het raam geopend. De lucht was koel en de stad was nog stil. Daarna heb ik koffie gezet en bedacht wat ik vandaag wil doen.",
  pl: "Dziś rano wstałem wcześnie i otworzyłem okno. Powietrze było chłodne, a miasto jeszcze ciche. Potem zaparzyłem kawę i zastanawiałem się, co chciałbym dzisiaj robić.",
  pt: "Esta manhã levantei-me cedo e abri a janela. O ar estava fresco e a cidade ainda estava calma. Depois fiz café e pensei no que gostaria de fazer hoje.",
  ru: "Сегодня утром я проснулся рано и открыл окно. Воздух был прохладным, а город ещё молчал. Потом я сварил кофе и подумал о том, чем хочу заняться сегодня.",
  tr: "Bu sabah erken kalktım ve pencereyi açtım. Hava serindi ve şehir hâlâ sessizdi. Sonra kahve yaptım ve bugün ne yapmak istediğimi düşündüm.",
  "zh-cn": "今天早上我起得很早，打开了窗户。空气很凉爽，城市还很安静。然后我煮了咖啡，想了想今天想做些什么。",
};

/** The languages that there is a sentence in, ordered by their English names. */
export function languageTags() {
  return Object.keys(SENTENCES).sort((one, other) => languageName(one).localeCompare(languageName(other), "en"));
}

/** The first of a person's languages that there is a sentence in, or English. @param {readonly string[]} tags as the browser lists them. */
export function languageOf(tags) {
  for (const tag of tags) {
    const main = tag.toLowerCase().split("-")[0];
    const found = Object.keys(SENTENCES).find((language) => language.split("-")[0] === main);
    if (found !== undefined) return found;
  }
  return "en";
}

/** The English name of a language. */
export function languageName(tag) {
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(tag);
  } catch {
    return tag;
  }
}
