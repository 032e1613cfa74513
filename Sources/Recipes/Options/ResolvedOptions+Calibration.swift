package import Calibration
import Quantization

extension ResolvedOptions {
  /// How samples are made.
  package var calibrationSettings: CalibrationSettings {
    var settings = CalibrationSettings()
    settings.shortSamples = self.shortSamples
    settings.lossMask = self.lossMask
    settings.textColumn = self.textColumn
    settings.shuffleSeed = self.shufflesSamples ? UInt64(self.seed) : nil
    return settings
  }

  /// A sentence about text of one kind where weights have so few bits that what they keep follows the text.
  ///
  /// - Parameter dataset: What is calibrated on; nil for nothing.
  package func remarks(on dataset: CalibrationSource?) -> [String] {
    let bitCount = groups.compactMap { $0.scheme.weights?.bitCount }.min() ?? 16
    guard bitCount < 4, self.iterations > 0, dataset?.isOneText == true else { return [] }
    return [
      "weights of \(bitCount) bits are fitted to one running text; below 4 bits, text of several kinds like what the "
        + "model will be given keeps more of it: records, or several files with their weights"
    ]
  }
}
