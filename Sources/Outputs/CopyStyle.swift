import Checkpoints

/// How and where one quantized copy of a model is written.
package struct CopyStyle: Sendable {
  /// The format that was asked for.
  package var format = OutputFormat.compressedTensors
  /// The folder in the output; nil for the output itself.
  package var folder: String?
  /// Most bytes of tensors in one file.
  package var shardByteCountLimit = CheckpointPlan.usualShardByteCountLimit

  package init() {}

  /// The styles of copies in these formats: each in a folder of its own where there are several.
  package static func styles(
    of formats: [OutputFormat], shardByteCountLimit: Int
  ) -> [CopyStyle] {
    formats.map { format in
      var style = CopyStyle()
      style.format = format
      style.folder = formats.count > 1 ? format.folderName : nil
      style.shardByteCountLimit = shardByteCountLimit
      return style
    }
  }
}
