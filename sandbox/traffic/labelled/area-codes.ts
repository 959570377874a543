/** One state: its people in millions, the hours its clock is from UTC in winter, its area codes. */
interface State {
  readonly people: number;
  readonly utcOffsetH: number;
  readonly areaCodes: string;
}

/**
 * The 37 most populous states of the US, with the area codes in use by the public numbering plan. Made by hand and apart from
 * what the product knows of area codes, so that a mistake there is not made twice.
 */
const STATES: Readonly<Record<string, State>> = {
  AL: { people: 5.1, utcOffsetH: -6, areaCodes: '205 251 256 334 938' },
  AZ: { people: 7.4, utcOffsetH: -7, areaCodes: '480 520 602 623 928' },
  AR: { people: 3.1, utcOffsetH: -6, areaCodes: '479 501 870' },
  CA: {
    people: 39,
    utcOffsetH: -8,
    areaCodes:
      '209 213 310 323 408 415 424 442 510 530 559 562 619 626 650 657 661 669 707 714 747 760 805 818 831 858 909 916 925 949 951',
  },
  CO: { people: 5.9, utcOffsetH: -7, areaCodes: '303 719 720 970' },
  CT: { people: 3.6, utcOffsetH: -5, areaCodes: '203 475 860' },
  FL: {
    people: 22.6,
    utcOffsetH: -5,
    areaCodes: '239 305 321 352 386 407 561 727 754 772 786 813 850 863 904 941 954',
  },
  GA: { people: 11, utcOffsetH: -5, areaCodes: '229 404 470 478 678 706 762 770 912' },
  IL: { people: 12.5, utcOffsetH: -6, areaCodes: '217 224 309 312 331 618 630 708 773 779 815 847 872' },
  IN: { people: 6.9, utcOffsetH: -5, areaCodes: '219 260 317 574 765 812' },
  IA: { people: 3.2, utcOffsetH: -6, areaCodes: '319 515 563 641 712' },
  KS: { people: 2.9, utcOffsetH: -6, areaCodes: '316 620 785 913' },
  KY: { people: 4.5, utcOffsetH: -5, areaCodes: '270 502 606 859' },
  LA: { people: 4.6, utcOffsetH: -6, areaCodes: '225 318 337 504 985' },
  MD: { people: 6.2, utcOffsetH: -5, areaCodes: '240 301 410 443' },
  MA: { people: 7, utcOffsetH: -5, areaCodes: '339 351 413 508 617 774 781 857 978' },
  MI: { people: 10, utcOffsetH: -5, areaCodes: '231 248 269 313 517 586 616 734 810 906 947 989' },
  MN: { people: 5.7, utcOffsetH: -6, areaCodes: '218 320 507 612 651 763 952' },
  MS: { people: 2.9, utcOffsetH: -6, areaCodes: '228 601 662 769' },
  MO: { people: 6.2, utcOffsetH: -6, areaCodes: '314 417 573 636 660 816' },
  NE: { people: 2, utcOffsetH: -6, areaCodes: '308 402' },
  NV: { people: 3.2, utcOffsetH: -8, areaCodes: '702 775' },
  NJ: { people: 9.3, utcOffsetH: -5, areaCodes: '201 551 609 732 848 856 862 908 973' },
  NM: { people: 2.1, utcOffsetH: -7, areaCodes: '505 575' },
  NY: {
    people: 19.6,
    utcOffsetH: -5,
    areaCodes: '212 315 347 516 518 585 607 631 646 716 718 845 914 917 929',
  },
  NC: { people: 10.8, utcOffsetH: -5, areaCodes: '252 336 704 828 910 919 980' },
  OH: { people: 11.8, utcOffsetH: -5, areaCodes: '216 234 330 419 440 513 567 614 740 937' },
  OK: { people: 4.1, utcOffsetH: -6, areaCodes: '405 580 918' },
  OR: { people: 4.2, utcOffsetH: -8, areaCodes: '458 503 541 971' },
  PA: { people: 13, utcOffsetH: -5, areaCodes: '215 267 412 484 570 610 717 724 814 878' },
  SC: { people: 5.4, utcOffsetH: -5, areaCodes: '803 843 864' },
  TN: { people: 7.1, utcOffsetH: -6, areaCodes: '423 615 731 865 901 931' },
  TX: {
    people: 30.5,
    utcOffsetH: -6,
    areaCodes:
      '210 214 254 281 325 361 409 430 432 469 512 682 713 806 817 830 832 903 915 936 940 956 972 979',
  },
  UT: { people: 3.4, utcOffsetH: -7, areaCodes: '385 435 801' },
  VA: { people: 8.7, utcOffsetH: -5, areaCodes: '276 434 540 571 703 757 804' },
  WA: { people: 7.8, utcOffsetH: -8, areaCodes: '206 253 360 425 509' },
  WI: { people: 5.9, utcOffsetH: -6, areaCodes: '262 414 608 715 920' },
};

export const STATE_CODES: readonly string[] = Object.keys(STATES);

function stateOf(code: string): State {
  const state = STATES[code];
  if (state === undefined) throw new Error(`There is no state ${code}.`);
  return state;
}

export const areaCodesOf = (code: string): readonly string[] => stateOf(code).areaCodes.split(' ');
export const peopleOf = (code: string): number => stateOf(code).people;
export const utcOffsetHOf = (code: string): number => stateOf(code).utcOffsetH;
