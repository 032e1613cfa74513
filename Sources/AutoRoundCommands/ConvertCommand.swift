import ArgumentParser
import AutoRound
import Diagnostics
import Foundation

/// `autoround convert`.
struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Write a quantized checkpoint in other formats, without tuning it again.",
    discussion: """
      The numbers stay what they are: integers, scales and zero points are laid out anew. Layers whose \
      numbers the format cannot hold are an error, unless --requantize rounds them once more; embeddings, \
      and the head of a file of llama.cpp, become numbers where the format does not hold them.

        autoround convert Qwen3-0.6B-W4A16 --format int-quantized --output q
        autoround convert Qwen3-0.6B-MXFP4 --format dense --output q
        autoround convert Qwen3-0.6B-Q4_0.gguf --format gptq --output q

      gguf:TYPE writes one file that llama.cpp runs, of a quantized checkpoint or of one in full \
      precision: integers in groups of 32 or more stay what they are in gguf:q4_0, gguf:q5_0 and \
      gguf:q8_0; all else is rounded to the types that llama-quantize chooses.

        autoround convert Qwen3-0.6B-W4A16 --format gguf:q4_0 --output q
        autoround convert Qwen3-0.6B --format gguf:q4_k_m --output q

      dense writes the weights that the numbers stand for, for programs that know no quantization; \
      activations are then not quantized either. Several formats go to folders of their names in the \
      output.
      """)

  @Argument(
    help: "Folder of the quantized checkpoint, or a file of llama.cpp.", completion: .file())
  var checkpoint: String

  @Option(
    name: .customLong("format"),
    help: ArgumentHelp(
      "How to write: \(ConversionFormat.all.map(\.name).joined(separator: ", ")). May be given again.",
      valueName: "format"))
  var formats: [String]

  @Option(help: "Folder to write.", completion: .directory)
  var output: String

  @OptionGroup var shards: ShardOptions

  @Option(
    help: ArgumentHelp(
      "File of what errors weigh in each column of what gguf:TYPE rounds.",
      discussion: "autoround importance writes it, and llama-imatrix as GGUF.", valueName: "file"),
    completion: .file(extensions: ["gguf"]))
  var importance: String?

  @Flag(
    help: ArgumentHelp(
      "Round layers again whose numbers the format does not hold as they are.",
      discussion: "To as many bits if the format has them, in groups of at least 32."))
  var requantize = false

  @Flag(help: "Replace the output folder if it exists.")
  var overwrite = false

  @OptionGroup var hub: HubOptions

  func validate() throws {
    try checkingArguments {
      let formats = try formats.map { try ConversionFormat(named: $0) }
      if importance != nil, !formats.contains(where: { $0.name.hasPrefix("gguf:") }) {
        throw ValidationError("--importance is for --format gguf:TYPE")
      }
    }
  }

  func run() throws {
    try reportingFailure {
      var conversion = CheckpointConversion(
        checkpoint: URL(filePath: checkpoint),
        formats: try formats.map { try ConversionFormat(named: $0) },
        output: URL(filePath: output), overwrite: overwrite)
      conversion.requantizes = requantize
      conversion.importances = importance.map { URL(filePath: $0) }
      if let limit = try shards.byteCountLimit { conversion.shardByteCountLimit = limit }
      try StandardOutput.print(conversion.run().lines)
    }
  }
}
