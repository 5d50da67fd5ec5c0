"""How a slice is prepared: settings that training, uploads and shipped models share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator


class PreprocessSettings(BaseModel):
    """How a slice is prepared."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(
        128, ge=32, le=512, description="Side of the square the network sees", json_schema_extra={"unit": "px"}
    )
    low: float = Field(0.5, ge=0, lt=50, description="Percentile mapped to black", json_schema_extra={"unit": "%"})
    high: float = Field(99.5, gt=50, le=100, description="Percentile mapped to white", json_schema_extra={"unit": "%"})
    crop: bool = Field(False, description="Crop to the head before resizing")

    @model_validator(mode="after")
    def _ordered(self) -> PreprocessSettings:
        if self.low >= self.high:
            raise ValueError(f"low percentile {self.low} must be below high percentile {self.high}")
        return self
