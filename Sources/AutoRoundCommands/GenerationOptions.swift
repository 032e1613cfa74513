import ArgumentParser

/// How a model goes on; the same for all commands that let one.
struct GenerationOptions: ParsableArguments {
  @Argument(
    help: "Folder of the checkpoint, quantized or not, or a file of llama.cpp.",
    completion: .file())
  var checkpoint: String

  @Option(
    help: ArgumentHelp(
      "0 takes the most likely token each time.",
      discussion: "Above 0 tokens are drawn by chance, the same for the same prompt each time."))
  var temperature = 0.0

  @Option(help: "What a model is told before all messages of a conversation.")
  var system: String?

  @OptionGroup var template: ChatTemplateOption

  @OptionGroup var computing: ComputeOptions

  @OptionGroup var hub: HubOptions

  func validate() throws {
    guard temperature >= 0, temperature.isFinite else {
      throw ValidationError("--temperature must be 0 or a number above; it is \(temperature)")
    }
  }
}
