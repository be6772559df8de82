// Light, dark or as the system says; kept in the browser.

const STORED = 'solthrive.theme';
export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

class ThemeChoice {
  choice = $state<Theme>('system');

  start(): void {
    this.#apply(read());
  }

  set(theme: Theme): void {
    try {
      localStorage.setItem(STORED, theme);
    } catch {
      // Private mode: the choice lasts for this page only.
    }
    this.#apply(theme);
  }

  #apply(theme: Theme): void {
    this.choice = theme;
    if (theme === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme;
  }
}

function read(): Theme {
  try {
    const stored = localStorage.getItem(STORED);
    return THEMES.find((theme) => theme === stored) ?? 'system';
  } catch {
    return 'system';
  }
}

export const theme = new ThemeChoice();
