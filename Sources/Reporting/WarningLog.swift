/// What does not stop a run and its user should know, each thing once.
package final class WarningLog {
  package private(set) var texts: [String] = []
  private let observer: (any RunObserver)?

  package init(_ observer: (any RunObserver)?) { self.observer = observer }

  /// Tells the user something.
  package func warn(_ text: String) {
    guard !texts.contains(text) else { return }
    texts.append(text)
    observer?.observe(.warning(text))
  }

  /// Takes over what an earlier process of the run has told.
  package func restore(_ earlier: [String]) {
    texts += earlier.filter { !texts.contains($0) }
  }
}
