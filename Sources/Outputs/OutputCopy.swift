import Checkpoints

/// A checkpoint in another format, known to the byte before it is written.
protocol OutputCopy {
  var format: ConversionFormat { get }
  /// How its tensors lie in files.
  var plan: CheckpointPlan { get }
  /// Stored bits for each weight of the quantized layers, scales and zero points included.
  var bitsPerWeight: Double { get }
  /// Layers that are laid out anew.
  var layerCount: Int { get }
  /// What the user should know.
  var remarks: [String] { get }

  /// Writes all of it, one layer at a time.
  ///
  /// - Returns: What the user should know besides, and only the numbers say.
  func write(to writer: CheckpointWriter) throws -> [String]
}
