import Diagnostics
import Evaluation
import Tensors
import TestSupport
import Testing

/// A model whose numbers are finite may still compute what is not.
@Suite struct InfiniteLogitTests {
  private func makeInfinite(_ source: SourceFolder) throws {
    try source.rewrite { tensors in
      for name in ["model.norm.weight", "lm_head.weight"] {
        let tensor = try #require(tensors[name])
        let count = tensor.shape.reduce(1, *)
        tensors[name] = Tensor(
          (0..<count).map { Float($0 % 2 == 0 ? 1e38 : -1e38) }, shape: tensor.shape)
      }
    }
  }

  @Test(arguments: [0, 1.0]) func areNoNextToken(temperature: Double) throws {
    try SourceFolder.with { source in
      try makeInfinite(source)
      expectInputError(.notFinite, mentioning: ["no next token", "logits are not finite"]) {
        try Generation(model: source.model, tokenLimit: 2, temperature: temperature)
          .run(prompt: "ab") { _ in }
      }
    }
  }

  @Test func areNoPerplexity() throws {
    try SourceFolder.with { source in
      try makeInfinite(source)
      let error = #expect(throws: InputError.self) {
        try Evaluation(model: source.model).run(onWindows: [[0, 1, 0, 1]])
      }
      #expect(error?.code == .notFinite)
      #expect(
        error?.message.contains("the model's logits are not finite numbers") == true,
        "\(String(describing: error))")
    }
  }
}
